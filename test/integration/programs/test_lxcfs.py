"""lxcfs, with two containers that have its files bound over those of /proc in mount namespaces of
their own. This is the case reconnect was thought of for: such binds cannot be made again from
outside when the mount below them is lost."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from fusetest import connection, procs
from fusetest.killer import Killer

pytestmark = pytest.mark.usefixtures('high_level')

FILES = ('meminfo', 'uptime', 'cpuinfo', 'stat', 'loadavg', 'diskstats', 'swaps')
CGROUPS = Path('/sys/fs/cgroup')
LIMITS = {'one': 96 << 20, 'two': 192 << 20}
# Has nothing of lxcfs but the files over those of /proc, then runs what it is told.
SHELL = '''
set -e
for file in {files}; do mount --bind "$1/proc/$file" "/proc/$file"; done
umount -l "$1"
set +e
echo ready
while read -r line; do eval "$line"; echo "done $?"; done
'''


class MemoryGroup:
    """A control group with a limit, in whichever hierarchy this machine has."""

    def __init__(self, name, limit):
        self.folder, two = None, (CGROUPS / 'cgroup.controllers').exists()
        base = CGROUPS if two else CGROUPS / 'memory'
        folder = base / f'fusetest.{os.getpid()}.{name}'
        try:
            if two and 'memory' not in (base / 'cgroup.subtree_control').read_text().split():
                (base / 'cgroup.subtree_control').write_text('+memory')
            folder.mkdir()
            self.folder = folder
            (folder / ('memory.max' if two else 'memory.limit_in_bytes')).write_text(str(limit))
        except OSError as error:
            print(f'no control group: {error}')
            self.remove()

    def remove(self):
        if self.folder:
            procs.wait_until(self._removed, 10)
        self.folder = None

    def _removed(self):
        try:
            self.folder.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            return False
        return True


class Container:
    """A shell in namespaces of its own, with lxcfs's files over /proc's. It is never told that
    anything happened to the server."""

    def __init__(self, mnt, name):
        self.group = MemoryGroup(name, LIMITS[name])
        self.limit = LIMITS[name] if self.group.folder else None
        enter = 'true'
        if self.group.folder:
            enter = f'echo $$ > {self.group.folder}/cgroup.procs'
        self._process = subprocess.Popen(
            ['bash', '-c', f'{enter}; exec unshare -m -p -f --mount-proc --kill-child bash -c "$1" sh "$2"',
             'sh', SHELL.format(files=' '.join(FILES)), str(mnt)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._process.stdout.readline() == 'ready\n', self._process.communicate(timeout=10)

    def ask(self, command):
        """The output of a command in there, which must succeed."""
        self._process.stdin.write(command + '\n')
        self._process.stdin.flush()
        lines = []
        for line in self._process.stdout:
            if line.startswith('done '):
                assert line == 'done 0\n', f'{command}: {line}{"".join(lines)}'
                return ''.join(lines)
            lines.append(line)
        raise AssertionError(f'the container ended: {"".join(lines)}')

    def memory(self):
        return int(self.ask('cat /proc/meminfo').split()[1]) << 10

    def check(self):
        """What each file says is what it has to say in here."""
        total = self.memory()
        assert total == self.limit if self.limit else total > 0
        up = float(self.ask('cat /proc/uptime').split()[0])
        assert 0 <= up < time.monotonic() + 60
        assert self.ask('cat /proc/cpuinfo').startswith('processor')
        assert self.ask('cat /proc/stat').startswith('cpu ')
        assert len(self.ask('cat /proc/loadavg').split()) == 5
        assert self.ask('cat /proc/swaps').startswith('Filename')
        self.ask('cat /proc/diskstats')

    def end(self):
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self.group.remove()


@pytest.fixture
def lxcfs(mount, unpacked):
    # Installing the package would start the service.
    root = unpacked('lxcfs') if not shutil.which('lxcfs') else Path('/')
    made = not Path('/run/lxcfs').exists()
    fs = mount(root / 'usr/bin/lxcfs',
               lambda fs: [root / 'usr/bin/lxcfs', '-f', '-p', fs.work / 'pid', fs.mnt], args=['-f'],
               libraries=[root / 'usr/lib/x86_64-linux-gnu/lxcfs'])
    yield fs
    if made:
        for name in ('controllers', 'root', '.'):
            folder = Path('/run/lxcfs', name)
            if folder.is_dir() and not os.listdir(folder):
                folder.rmdir()


@pytest.fixture
def containers(lxcfs):
    """Two containers; the mount stays busy with them, so they end before it does."""
    made = []
    try:
        for name in LIMITS:
            made.append(Container(lxcfs.mnt, name))
        yield made
    finally:
        for container in made:
            container.end()


@pytest.mark.limit(90)
def test_two_containers(lxcfs, containers, killed, seed):
    lines = [container.ask('cat /proc/self/mountinfo | grep fuse.lxcfs') for container in containers]
    assert all(text.count('\n') == len(FILES) for text in lines)
    for container in containers:
        container.ask('exec 5< /proc/meminfo')
        container.check()
    if killed:
        with Killer(lxcfs, 4, seed) as killer, connection.Watchdog(lxcfs.mnt, 60) as dog:
            rounds, end = 0, time.monotonic() + 8
            while time.monotonic() < end:
                for container in containers:
                    container.check()
                rounds += 1
        print(f'{rounds} rounds in two containers, {len(killer.kills)} kills')
        assert not dog.fired and not killer.missed and len(killer.kills) >= 10
    for container, before in zip(containers, lines):
        container.check()
        # The same mounts as at first, and a file that has been open since then.
        assert container.ask('cat /proc/self/mountinfo | grep fuse.lxcfs') == before
        assert container.ask('head -n 1 <&5').startswith('MemTotal')
    assert lxcfs.mount().number == lxcfs.number


def test_host(lxcfs, killed):
    for turn in range(3):
        for name in FILES:
            assert (lxcfs.mnt / 'proc' / name).read_text() is not None
        seen = (lxcfs.mnt / 'proc/meminfo').read_text().split()
        assert seen[0] == 'MemTotal:' and int(seen[1]) > 0
        assert 'sys' in os.listdir(lxcfs.mnt)
        if killed:
            print(f'answer {lxcfs.recover() * 1e3:.0f} ms after kill {turn}')
