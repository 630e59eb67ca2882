"""A filesystem under test: a built example, mounted in a folder of its own, ended without trace."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from . import connection, paths, procs
from .figures import read_figures, state_file

READY_SECONDS = 15
RESTART = Path(__file__).with_name('restart.py')


def kernel_holds():
    """Whether the tests are to run with reattach_holder=kernel: without keepers, on a kernel that can."""
    return os.environ.get('FUSE_TEST_HOLDER') == 'kernel'


class NotReady(RuntimeError):
    """The program did not mount; `.log` is what it wrote, `.code` its exit status."""

    def __init__(self, text, log, code):
        super().__init__(f'{text}\n--- its output ---\n{log}')
        self.log, self.code = log, code


def tmpfs_folder(prefix='fusetest.'):
    """A new folder of mode 0700 on tmpfs where there is one: state belongs there."""
    base = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix=prefix, dir=base))


class Filesystem:
    """`example` is a name below example/ of the build folder, or a path. For the passthroughs a source
    folder is made and handed over. Use as a context manager, or call stop()."""

    def __init__(self, example='passthrough_ll', options=(), args=('-f',), reattach=True, source=None,
                 env=None, runtime=None, work=None, prefix=(), mount_arg=None):
        self.exe = Path(example) if os.sep in str(example) else paths.example(example)
        self.tag = uuid.uuid4().hex
        self.work = Path(work) if work else tmpfs_folder()
        self._own_work = work is None
        self.mnt = self.work / 'mnt'
        self.src = Path(source) if source else self.work / 'src'
        self.runtime = Path(runtime) if runtime else self.work / 'run'
        self.log_path = self.work / 'log'
        self.reattach, self.prefix = reattach, list(prefix)
        self.args, self.options = list(args), list(options)
        self.mount_arg = mount_arg or str(self.mnt)
        self.extra_env = dict(env or {})
        self.process, self.number = None, None
        self._extra = []
        for folder in (self.mnt, self.src, self.runtime):
            folder.mkdir(exist_ok=True)
        self.runtime.chmod(0o700)

    # -- starting ---------------------------------------------------------------------------------

    def environment(self):
        env = {name: value for name, value in os.environ.items()
               if not name.startswith('FUSE_REATTACH')}
        env[procs.TAG] = self.tag
        env['RUNTIME_DIRECTORY'] = str(self.runtime)
        env['ASAN_OPTIONS'] = env.get('ASAN_OPTIONS', 'detect_leaks=0')
        if self.reattach:
            env['FUSE_REATTACH'] = '1'
        env.update(self.extra_env)
        return {name: value for name, value in env.items() if value is not None}

    def command(self, options=None):
        options = list(self.options if options is None else options)
        if self.exe.name.startswith('passthrough'):
            options.append(f'source={self.src}')
        if kernel_holds() and self.reattach:
            options.append('reattach_holder=kernel')
        if os.environ.get('FUSE_TEST_RESEND') == '1' and self.reattach:  # all tests, with the option
            options.append('reattach_resend=yes')
        line = [*self.prefix, str(self.exe), *self.args]
        for option in options:
            line += ['-o', option]
        return [*line, self.mount_arg]

    def start(self, wait=True):
        command = self.command()
        if kernel_holds() and self.reattach:
            command = [sys.executable, str(RESTART), str(self.mnt), *command]
        self.process = self._spawn(command, self.environment())
        if wait:
            self.wait_ready()
        return self

    def _spawn(self, command, env):
        with open(self.log_path, 'ab') as log:
            return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=log, cwd='/', start_new_session=True)

    def spawn_again(self, options=None, env=None):
        """Starts the same command a second time, by hand; its output goes to a file of its own."""
        path = self.work / f'again.{len(self._extra)}'
        full = self.environment()
        full.update(env or {})
        full = {name: value for name, value in full.items() if value is not None}
        with open(path, 'wb') as log:
            process = subprocess.Popen(self.command(options), env=full, stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, cwd='/', start_new_session=True)
        process.output = path
        self._extra.append(process)
        return process

    def mount(self):
        return connection.find(self.mnt)

    def wait_ready(self, seconds=READY_SECONDS):
        """Until the mount is there and answers."""
        def mounted():
            if self.mount():
                return True
            code = self.process.poll()
            if code is not None and (code != 0 or '-f' in self.args):
                raise NotReady(f'{self.exe.name} ended with status {code}', self.log(), code)
            return False

        if not procs.wait_until(mounted, seconds):
            raise NotReady(f'{self.exe.name} did not mount in {seconds} s', self.log(), None)
        self.number = self.mount().number
        with connection.Watchdog(self.mnt, seconds) as dog:
            try:
                self._ask()
            except (OSError, subprocess.SubprocessError) as error:
                if dog.fired:
                    raise NotReady('mounted, but did not answer', self.log(), None) from error
                raise

    def _ask(self):
        try:
            os.stat(self.mnt)
        except PermissionError:  # another user's mount, which the kernel does not let us see
            subprocess.run([*self.prefix, 'stat', str(self.mnt)], timeout=2 * READY_SECONDS,
                           stdout=subprocess.DEVNULL, check=True)

    # -- looking ----------------------------------------------------------------------------------

    def log(self):
        try:
            return self.log_path.read_text(errors='replace')
        except OSError:
            return ''

    def servers(self):
        """Pids of living server processes of this mount, oldest first."""
        return procs.running(self.exe, self.mount_arg)

    def server(self, seconds=10):
        """The pid of the server, waiting for a successor if need be; fails when none comes."""
        pids = procs.wait_until(self.servers, seconds, 0.001)
        if not pids:
            raise RuntimeError(f'no server of {self.mnt}\n{self.log()}')
        return pids[-1]

    def others(self):
        """Pids of living processes that this mount brought, without the servers: the keeper."""
        servers = set(self.servers())
        return [pid for pid in procs.tagged(self.tag) if pid not in servers]

    def keepers(self):
        """Pids of who starts the server again."""
        if kernel_holds():
            return [pid for pid in self.others() if str(RESTART) in procs.cmdline(pid)]
        return [pid for pid in self.others() if os.path.basename(procs.exe_of(pid)) == 'fuse-keeper']

    def keeper(self, seconds=10):
        pids = procs.wait_until(self.keepers, seconds)
        if not pids:
            raise RuntimeError(f'no keeper of {self.mnt}\n{self.log()}')
        return pids[0]

    def figures(self):
        """The library's figures of this connection, None when they cannot be read."""
        return read_figures(self.runtime, self.number)

    def state(self):
        return state_file(self.runtime, self.number)

    # -- disturbing -------------------------------------------------------------------------------

    def kill_server(self, number=signal.SIGKILL):
        """Kills the server that runs now; the moment of it in monotonic ns."""
        for _ in range(100):
            moment = procs.send(self.server(), number, self.exe)
            if moment is not None:
                return moment
        raise RuntimeError('the server could not be caught')

    def first_answer(self, name='.', seconds=30):
        """Seconds until a call that must reach the server is answered."""
        start = time.monotonic_ns()
        with connection.Watchdog(self.mnt, seconds):
            os.statvfs(self.mnt / name)
        return (time.monotonic_ns() - start) / 1e9

    def recover(self, seconds=30):
        """Kills the server and measures the first answer after that, in seconds."""
        moment = self.kill_server()
        with connection.Watchdog(self.mnt, seconds):
            os.statvfs(self.mnt)
        return (time.monotonic_ns() - moment) / 1e9

    # -- ending -----------------------------------------------------------------------------------

    def unmount(self, seconds=15):
        """An orderly unmount; true when everything that belonged to the mount went away by itself."""
        with connection.Watchdog(self.mnt, seconds):
            try:
                done = subprocess.run(['umount', str(self.mnt)], capture_output=True, text=True,
                                      timeout=seconds + 5, check=False)
            except subprocess.TimeoutExpired:
                return False
        if done.returncode != 0:
            return False
        return procs.wait_until(lambda: not self.leftovers(), seconds) is True

    def leftovers(self):
        """What is left of this mount, as texts; empty after a proper end."""
        left = []
        for pid in procs.tagged(self.tag):
            left.append(f'process {pid} {" ".join(procs.cmdline(pid))} ({procs.state_of(pid)})')
        if self.mount():
            left.append(f'mount {self.mnt}')
        if self.runtime.is_dir():
            left += [f'file {path}' for path in sorted(self.runtime.iterdir())]
        return left

    def stop(self):
        """Ends everything by force if need be, and removes what it made."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            mount = self.mount()
            if mount:
                connection.abort(mount.number)
                connection.detach(self.mnt)
            pids = procs.tagged(self.tag)
            # The keeper first, so that it starts no more successors.
            for pid in sorted(pids, key=lambda p: procs.exe_of(p) == str(self.exe)):
                procs.send(pid, signal.SIGCONT)
                procs.send(pid, signal.SIGKILL)
            for process in [self.process, *self._extra]:
                if process is not None:
                    process.poll()
            if not pids and not self.mount():
                break
            time.sleep(0.02)
        if self._own_work:
            _remove(self.work)

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, *_):
        self.stop()


def _remove(folder):
    """Removes a folder tree, but never crosses into something that is still mounted."""
    if any(m.point.startswith(str(folder) + os.sep) for m in connection.mounts()):
        return

    shutil.rmtree(folder, ignore_errors=True)
