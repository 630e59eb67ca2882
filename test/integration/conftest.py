"""What every integration test gets: mounts that end without trace, and a limit on its time."""

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'lib'))

from fusetest import connection, paths, procs  # noqa: E402  pylint: disable=wrong-import-position
from fusetest.filesystem import Filesystem, tmpfs_folder  # noqa: E402  pylint: disable=wrong-import-position

NOBODY = 65534
AS_NOBODY = ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups']


def pytest_addoption(parser):
    parser.addoption('--long', action='store_true', help='also the long campaigns')
    parser.addoption('--quick', action='store_true', help='without the slow tests')
    parser.addoption('--seed', type=int, default=None, help='repeats the choices of a former run')


def pytest_collection_modifyitems(config, items):
    leave_out = ([] if config.getoption('--long') else ['long']) + (
        ['slow'] if config.getoption('--quick') else [])
    kept = [item for item in items if not any(item.get_closest_marker(m) for m in leave_out)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_configure(config):
    # Under nohup, or in a script's background, the servers would ignore them, too; what has a handler is
    # reset by exec.
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    if config.getoption('--seed') is None:
        config.option.seed = int.from_bytes(os.urandom(3), 'big')


def pytest_report_header(config):
    return f'build folder {paths.build_dir()}, --seed {config.option.seed}'


@pytest.fixture(scope='session', autouse=True)
def machine():
    """These tests mount: that needs root and the device."""
    if os.geteuid() != 0:
        pytest.skip('needs root')
    if not os.access('/dev/fuse', os.W_OK):
        pytest.skip('needs /dev/fuse')
    connection.ensure_fusectl()
    procs.raise_file_limit()


@pytest.fixture
def seed(request):
    print(f'--seed {request.config.getoption("--seed")}')
    return request.config.getoption('--seed')


@pytest.fixture
def rng(seed):
    return random.Random(seed)


class Bench:
    """Makes the mounts of one test and takes them away again."""

    def __init__(self):
        self.mounts, self.over = [], False

    def add(self, example='passthrough_ll', start=True, **kwargs):
        """A new mount. Unless the test sets `.dirty`, it must unmount in an orderly way and leave
        nothing behind when the test is over."""
        return self.take(Filesystem(example, **kwargs), start)

    def take(self, fs, start=True):
        """The same for a mount that the test describes itself."""
        fs.dirty = False
        self.mounts.append(fs)
        assert fs.exe.exists(), f'{fs.exe} was not built'
        return fs.start() if start else fs

    def give_up(self):
        """The test took too long: ends whatever it may be waiting for."""
        self.over = True
        for fs in self.mounts:
            mount = fs.mount()
            if mount:
                connection.abort(mount.number)
            for pid in procs.tagged(fs.tag):
                procs.send(pid, 9)

    def end(self):
        left = []
        try:
            for fs in reversed(self.mounts):
                if fs.process is None or fs.dirty:
                    continue
                if fs.mount() and not fs.unmount():
                    left.append(f'no orderly end of {fs.exe.name}')
                procs.wait_until(lambda fs=fs: not fs.leftovers(), 5)
                left += [f'left behind: {text}' for text in fs.leftovers()]
                if left:
                    left.append(fs.log()[-2000:])
        finally:
            for fs in self.mounts:
                fs.stop()
        return left


@pytest.fixture
def bench(request):
    """Makes mounts; see Bench.add()."""
    made = Bench()
    marker = request.node.get_closest_marker('limit')
    seconds = marker.args[0] if marker else 60
    timer = threading.Timer(seconds, made.give_up)
    timer.daemon = True
    timer.start()
    yield made
    timer.cancel()
    failed = getattr(request.node, 'failed_call', False)
    if failed:
        for fs in made.mounts:
            print(f'--- log of {fs.exe.name} ---\n{fs.log()[-4000:]}')
    left = made.end()
    assert not made.over, f'took longer than {seconds} s'
    assert failed or not left, '\n'.join(left)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == 'call':
        item.failed_call = outcome.get_result().failed


@pytest.fixture
def work():
    """A scratch folder on tmpfs."""
    folder = tmpfs_folder('fusetest.work.')
    yield folder
    for mount in connection.mounts():
        if mount.point.startswith(f'{folder}/'):
            if mount.fstype.startswith('fuse'):
                connection.abort(mount.number)
            connection.detach(mount.point)
    subprocess.run(['rm', '-rf', '--one-file-system', str(folder)], timeout=30, check=False)


@pytest.fixture
def open_device():
    """Where no udev rule has opened the device to everybody, as Debian's does, does so meanwhile."""
    before = os.stat('/dev/fuse').st_mode & 0o777
    os.chmod('/dev/fuse', before | 0o666)
    yield
    os.chmod('/dev/fuse', before)


@pytest.fixture
def as_nobody(bench, work, open_device):
    """Makes mounts as an ordinary user, through fusermount3."""
    del open_device
    folder = None

    def make(example='hello_ll', start=True, **kwargs):
        nonlocal folder
        exe = paths.example(example)
        reachable = subprocess.run([*AS_NOBODY, 'test', '-x', str(exe)], check=False, timeout=10)
        if reachable.returncode != 0 and folder is None:
            # The build folder lies where this user may not go: show it elsewhere.
            folder = work / 'build'
            folder.mkdir()
            subprocess.run(['mount', '--bind', str(paths.build_dir()), str(folder)], check=True,
                           timeout=10)
            work.chmod(0o711)
        exe = folder / 'example' / example if folder else exe
        fs = bench.add(str(exe), start=False, prefix=AS_NOBODY, **kwargs)
        fs.work.chmod(0o711)
        for path in (fs.mnt, fs.src, fs.runtime):
            os.chown(path, NOBODY, NOBODY)
        return fs.start() if start else fs

    yield make
    if folder:
        for fs in bench.mounts:
            fs.stop()
        subprocess.run(['umount', '-l', str(folder)], check=False, timeout=10)
