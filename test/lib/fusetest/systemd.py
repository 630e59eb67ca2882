"""A real service manager for a test: systemd's user instance, with a control group hierarchy, a /run
and a mount table of its own. It needs no running systemd, and root."""

import os
import shutil
import signal
import subprocess
import time
import uuid
from pathlib import Path

from . import connection, procs

MANAGER = '/lib/systemd/systemd'
START_SECONDS = 30

# Run in the namespaces: $1 is the folder of the units. Mounts of other filesystems must not live on
# because they are in this mount table as well.
BEGIN = '''set -e
awk '$0 ~ / - fuse(blk)?(\\.[^ ]*)? / { print $5 }' /proc/self/mountinfo | while read -r point; do
  umount -l "$(printf '%b' "$point")" || true
done
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs none /run
mkdir -p /run/systemd/system
mkdir -m 700 /run/user-manager
export XDG_RUNTIME_DIR=/run/user-manager SYSTEMD_UNIT_PATH="$1" SYSTEMD_LOG_TARGET=console
unset DBUS_SESSION_BUS_ADDRESS NOTIFY_SOCKET
exec ''' + MANAGER + ''' --user --unit=basic.target
'''


def missing():
    """Why no manager can run here, or None."""
    if not os.access(MANAGER, os.X_OK) or not shutil.which('systemctl'):
        return 'systemd is not installed'
    if not _hierarchy():
        return 'no cgroup2 hierarchy is mounted'
    return None


def _hierarchy():
    found = [m.point for m in connection.mounts() if m.fstype == 'cgroup2']
    return Path(found[0]) if found else None


class Manager:
    """Use as a context manager. Services mount in the folder `work`; it is seen below `root`."""

    def __init__(self, work):
        self.work = work
        self.units, self.log_path = Path(work) / 'units', Path(work) / 'manager.log'
        self.units.mkdir()
        self.add('basic.target', '[Unit]\nDefaultDependencies=no\n')
        self.group = _hierarchy() / f'fusetest.{uuid.uuid4().hex}'
        self.process = None

    def __enter__(self):
        self.group.mkdir()

        def join():
            (self.group / 'cgroup.procs').write_text('0')

        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen(
                ['unshare', '--mount', '--cgroup', 'sh', '-c', BEGIN, 'begin', str(self.units)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=join, cwd='/')
        ready = procs.wait_until(lambda: self.process.poll() is not None or self._answers(),
                                 START_SECONDS, 0.05)
        if not ready or self.process.poll() is not None:
            self.__exit__()
            raise RuntimeError(f'no service manager: {self.log()}')
        return self

    def _answers(self):
        return self.systemctl('is-active', 'basic.target', check=False).returncode == 0

    def __exit__(self, *_):
        """Ends every process of the manager's, whatever it does."""
        for mount in self.mounts():
            if mount.fstype.startswith('fuse.') and mount.point.startswith(f'{self.work}/'):
                connection.abort(mount.number)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            pids = self.processes()
            for pid in pids:
                procs.send(pid, signal.SIGKILL)
            self.process.poll()
            if not pids:
                break
            time.sleep(0.02)
        for folder in sorted(self.group.rglob('*'), reverse=True):
            if folder.is_dir():
                _remove(folder)
        _remove(self.group)

    @property
    def root(self):
        return Path(f'/proc/{self.process.pid}/root')

    def log(self):
        return self.log_path.read_text(errors='replace')

    def add(self, name, text):
        (self.units / name).write_text(text)

    def edit(self, name, old, new):
        text = (self.units / name).read_text()
        assert old in text
        self.add(name, text.replace(old, new))
        self.systemctl('daemon-reload')

    def inside(self, *line):
        """What runs `line` where the services are."""
        return ['nsenter', f'--target={self.process.pid}', '--mount', 'env',
                'XDG_RUNTIME_DIR=/run/user-manager', *[str(word) for word in line]]

    def run(self, *line, check=True):
        return subprocess.run(self.inside(*line), capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, check=check)

    def systemctl(self, *words, check=True):
        return self.run('systemctl', '--user', *words, check=check)

    def show(self, unit):
        """The unit's properties."""
        lines = self.systemctl('show', unit).stdout.splitlines()
        return dict(line.split('=', 1) for line in lines if '=' in line)

    def mounts(self):
        try:
            return connection.mounts(self.process.pid)
        except OSError:
            return []

    def processes(self):
        return [pid for file in self.group.rglob('cgroup.procs') for pid in _numbers(file)]

    def running(self, name):
        """Processes of the manager's whose executable has this name."""
        return [pid for pid in self.processes()
                if os.path.basename(procs.exe_of(pid)) == name and procs.is_alive(pid)]


def _numbers(file):
    try:
        return [int(line) for line in file.read_text().split()]
    except OSError:
        return []


def _remove(folder):
    try:
        folder.rmdir()
    except OSError:
        pass
