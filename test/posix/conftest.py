"""Where the cases run: on a folder by itself, then on mounts of one like it."""

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'lib')]

import ways  # noqa: E402  pylint: disable=wrong-import-position
from exceptions import possible  # noqa: E402  pylint: disable=wrong-import-position
from fusetest import connection, paths, procs  # noqa: E402  pylint: disable=wrong-import-position
from fusetest.filesystem import (  # noqa: E402  pylint: disable=wrong-import-position
    Filesystem, tmpfs_folder)
from fusetest.killer import Killer  # noqa: E402  pylint: disable=wrong-import-position

KILLS_PER_SECOND = 10
MOST_SECONDS = 300
MOST_SECONDS_KILLED = 900


def pytest_addoption(parser):
    parser.addoption('--long', action='store_true', help='every kind of mount')
    parser.addoption('--seed', type=int, default=None, help='repeats the kills of a former run')


def pytest_configure(config):
    if config.getoption('--seed') is None:
        config.option.seed = int.from_bytes(os.urandom(3), 'big')


def pytest_report_header(config):
    return f'build folder {paths.build_dir()}, --seed {config.option.seed}'


def pytest_generate_tests(metafunc):
    if 'way' in metafunc.fixturenames:
        chosen = ways.WAYS + (ways.LONG_WAYS if metafunc.config.getoption('--long') else [])
        pairs = [pytest.param(way, name, id=f'{way.name}-{name}') for way in chosen
                 for name in ways.case_names() if possible(way, name)]
        metafunc.parametrize('way, name', pairs, scope='session')


@pytest.fixture(scope='session', autouse=True)
def machine():
    """These tests mount and become other users."""
    if os.geteuid() != 0:
        pytest.skip('needs root')
    if not os.access('/dev/fuse', os.W_OK):
        pytest.skip('needs /dev/fuse')
    connection.ensure_fusectl()
    procs.raise_file_limit()


def execute(folder, seconds):
    """What the cases see there, by name."""
    done = subprocess.run([sys.executable, str(HERE / 'executor.py'), str(folder)], timeout=seconds,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors='replace')[-3000:]
    return {name: ways.keyed(seen) for name, seen in json.loads(done.stdout).items()}


def _new_folder(base):
    """On a small file system of its own, or below `base`."""
    if base == 'tmpfs':
        top = tmpfs_folder('fusetest.posix.')
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=48m,nr_inodes=3000', 'posix', str(top)],
                       check=True, timeout=20)
    else:
        top = Path(tempfile.mkdtemp(prefix='fusetest.posix.', dir=base))
    top.chmod(0o755)
    return top


def _remove(folder):
    if os.path.ismount(folder):
        subprocess.run(['umount', '-l', str(folder)], check=False, timeout=20)
    subprocess.run(['rm', '-rf', '--one-file-system', str(folder)], check=False, timeout=60)


@contextlib.contextmanager
def _on_processors(count):
    """Starts what is started within there; 0: anywhere."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, random.sample(sorted(before), count) if count else before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Results:
    """Each place is gone through once, when the first test asks for it: the time of that test is the
    time of all."""

    def __init__(self, seed):
        self._seed, self._oracles, self._runs = seed, {}, {}

    def oracle(self, way):
        """What the file system says on which this way's mount has its source."""
        if way.base not in self._oracles:
            top = _new_folder(way.base)
            try:
                self._oracles[way.base] = execute(top, MOST_SECONDS)
            finally:
                _remove(top)
        return self._oracles[way.base]

    def of(self, way):
        if way.name not in self._runs:
            try:
                with _on_processors(1 if way.together else 0):
                    self._runs[way.name] = self._run(way)
            except (AssertionError, OSError, RuntimeError, subprocess.SubprocessError) as error:
                self._runs[way.name] = error
        if isinstance(self._runs[way.name], Exception):
            raise RuntimeError(f'the mount could not be gone through: {self._runs[way.name]}')
        return self._runs[way.name]

    def _run(self, way):
        source = _new_folder(way.base)
        fs = Filesystem(way.example, args=way.args, reattach=way.killed, source=source,
                        options=['allow_other', 'dev', 'suid', *way.options])
        fs.work.chmod(0o711)
        try:
            fs.start()
            if not way.killed:
                seen = execute(fs.mnt, MOST_SECONDS)
            else:
                seen = self._run_killed(fs)
            assert fs.unmount(), f'no orderly end: {fs.leftovers()}'
        except Exception:
            sys.stderr.write(fs.log()[-3000:])
            raise
        finally:
            fs.stop()
            _remove(source)
        return seen

    def _run_killed(self, fs):
        with connection.Watchdog(fs.mnt, MOST_SECONDS_KILLED) as dog:
            with Killer(fs, KILLS_PER_SECOND, self._seed) as killer:
                seen = execute(fs.mnt, MOST_SECONDS_KILLED + 60)
        assert not dog.fired, f'not done in {MOST_SECONDS_KILLED} s'
        assert killer.kills and not killer.missed, f'no server {killer.missed} times'
        figures = fs.figures()
        if figures is not None:
            assert figures['poisoned'] == 0, figures
        return seen


@pytest.fixture(scope='session')
def results(request):
    return Results(request.config.getoption('--seed'))
