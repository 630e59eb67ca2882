"""Starting filesystems, running the client on them, and getting rid of both whatever happens."""

import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import plan

FUSECTL = Path("/sys/fs/fuse/connections")
MARK = "LIBFUSE_BENCH_RUN"  # in the environment of everything started here


class Failure(Exception):
    pass


def _mounts():
    """Mountpoints, each with the minor number of its device, without touching any of them."""
    found = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        found[fields[4]] = int(fields[2].split(":")[1])
    return found


def _wait_until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Workplace:
    """A folder in memory: what is mirrored, the mountpoints, the logs."""

    def __init__(self):
        if not (FUSECTL / "..").exists() or os.geteuid() != 0:
            raise Failure("run this as root, on a kernel with FUSE")
        if str(FUSECTL) not in _mounts():
            subprocess.run(["mount", "-t", "fusectl", "none", str(FUSECTL)], check=True)
        self.top = Path(tempfile.mkdtemp(prefix="libfuse-bench-"))
        subprocess.run(["mount", "-t", "tmpfs", "none", str(self.top)], check=True)
        self.source = self.top / "source"
        (self.source / "names").mkdir(parents=True)
        for i in range(8):
            (self.source / f"f{i}").write_bytes(b"x" * (16 << 20))
        for i in range(256):
            (self.source / "names" / f"f{i}").touch()

    def remove(self):
        subprocess.run(["umount", "-l", str(self.top)], check=False)
        self.top.rmdir()


class Server:
    """One process that serves one mount."""

    def __init__(self, workplace, program, filesystem, cell):
        self.name = f"{filesystem} {cell}"
        self.mountpoint = workplace.top / ("mnt " + self.name).replace(" ", "-")
        self.log = self.mountpoint.with_suffix(".log")
        self.mountpoint.mkdir(exist_ok=True)
        options = ["timeout=0"]
        if filesystem == "passthrough":
            options.append(f"source={workplace.source}")
        if cell.loop == plan.CLONE:
            options.append("clone_fd")
        command = [str(program), "-f", "-o", ",".join(options)]
        if cell.loop == plan.SINGLE:
            command.append("-s")
        environment = dict(os.environ, **{MARK: str(os.getpid())})
        environment.pop("FUSE_REATTACH", None)
        if cell.reattach:
            environment["FUSE_REATTACH"] = "1"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command + [str(self.mountpoint)], env=environment,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        if not _wait_until(self._mounted_or_dead, 5) or self.process.poll() is not None:
            text = self.log.read_text(errors="replace")
            self.stop()
            raise Failure(f"{self.name}: did not mount: {text}")

    def _mounted_or_dead(self):
        return str(self.mountpoint) in _mounts() or self.process.poll() is not None

    def library(self):
        """The file of the libfuse3 that the process really runs with."""
        for line in Path(f"/proc/{self.process.pid}/maps").read_text().splitlines():
            if "libfuse3.so" in line:
                return line.split()[-1]
        raise Failure(f"{self.name}: no libfuse3 in the process")

    def _place(self, placement, first):
        """Puts the server where it belongs, and says which processors the client may use."""
        every = sorted(os.sched_getaffinity(0))
        second = every[(every.index(first) + 1) % len(every)]
        mine, clients = {plan.TOGETHER: ({first}, {first}), plan.APART: ({second}, {first}),
                         plan.ANYWHERE: (set(every), set(every))}[placement]
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                os.sched_setaffinity(int(task), mine)
            except ProcessLookupError:
                pass  # a thread that ended meanwhile
        return clients

    def measure(self, client, row, milliseconds, processor):
        """Runs the client once. processor is the one to use where one is enough."""
        processors = self._place(row.placement, processor)
        command = [str(client), row.operation, str(self.mountpoint / row.directory),
                   str(milliseconds), str(row.clients), str(self.process.pid)]
        every = os.sched_getaffinity(0)
        os.sched_setaffinity(0, processors)
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       text=True)
        finally:
            os.sched_setaffinity(0, every)
        try:
            output, errors = process.communicate(timeout=10 + milliseconds / 1000)
        except subprocess.TimeoutExpired:
            self.abort()  # or the client could not even be killed
            process.kill()
            process.communicate()
            raise Failure(f"{self.name}: {row}: the client got no answer") from None
        if process.returncode != 0:
            raise Failure(f"{self.name}: {row}: {errors}{self.log.read_text(errors='replace')}")
        return json.loads(output)

    def abort(self):
        minor = _mounts().get(str(self.mountpoint))
        if minor is not None:
            try:
                (FUSECTL / str(minor) / "abort").write_text("1")
            except OSError:
                pass  # gone already

    def stop(self):
        """A polite unmount first: what keeps a mount alive must see that its end is meant."""
        if str(self.mountpoint) in _mounts():
            subprocess.run(["timeout", "5", "umount", str(self.mountpoint)], check=False,
                           stderr=subprocess.DEVNULL)
        if str(self.mountpoint) in _mounts():
            self.abort()
            subprocess.run(["umount", "-l", str(self.mountpoint)], check=False)
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=5)


def end_leftovers():
    """Ends what the servers started and left behind. Returns their ids."""
    mark = f"{MARK}={os.getpid()}".encode()

    def marked():
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    _wait_until(lambda: not marked(), 3)
    left = marked()
    for pid in left:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return left
