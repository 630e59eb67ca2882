"""A program with a loop of its own that is called in its turns and nowhere else, as bindings to other
languages need it (test/tools/turns_ll.c says what it watches)."""

import os
import threading

import pytest

from fusetest import connection, paths
from fusetest.killer import Killer
from fusetest.syscalls import Listing

DEPTH = 8
DEEPEST = '/'.join(str(number) for number in range(1, DEPTH))


@pytest.fixture
def turns(bench):
    def make(**kwargs):
        return bench.add(str(paths.build_dir() / 'test/tools/turns_ll'), args=(), **kwargs)
    return make


def _check(mnt):
    for depth in (0, 3, DEPTH - 1):
        folder = mnt.joinpath(*[str(number) for number in range(1, depth + 1)])
        assert (folder / 'file').read_text() == f'{depth + 1:03}\n'
        names = ['file'] if depth == DEPTH - 1 else [str(depth + 1), 'file']
        assert sorted(os.listdir(folder)) == names


def test_healthy(turns):
    fs = turns(reattach=False)
    _check(fs.mnt)
    assert 'wrong' not in fs.log()


def test_everything_on_a_path_is_found_again(turns):
    """An open file below seven folders, of none of which the successor has heard."""
    fs = turns()
    fd = os.open(fs.mnt / DEEPEST / 'file', os.O_RDONLY)
    folder = os.open(fs.mnt / DEEPEST, os.O_RDONLY)
    for _ in range(5):
        fs.kill_server()
        with connection.Watchdog(fs.mnt, 30) as dog:
            assert os.pread(fd, 10, 0) == b'%03d\n' % DEPTH
            assert os.listdir(folder) == ['file']
            assert os.stat('file', dir_fd=folder).st_size == 4
        assert not dog.fired
        _check(fs.mnt)
    os.close(folder)
    os.close(fd)
    assert 'wrong' not in fs.log(), fs.log()


def test_directory_is_read_on(turns):
    """Questions about the directory come in turns, too."""
    fs = turns()
    for kills in range(3):
        with Listing(fs.mnt / '1' / '2', 32) as stream:
            first = stream.read()
            for _ in range(kills):
                fs.kill_server()
            with connection.Watchdog(fs.mnt, 30) as dog:
                second, end = stream.read(), stream.read()
            assert not dog.fired
        assert sorted(entry.name for entry in [*first, *second]) == ['3', 'file'] and not end
    assert 'wrong' not in fs.log(), fs.log()


def test_under_kills(turns, seed):
    """Several readers, so that there is always something unfinished."""
    fs = turns()
    failures, over = [], threading.Event()

    def read():
        fd = os.open(fs.mnt / DEEPEST / 'file', os.O_RDONLY)
        try:
            while not over.is_set():
                assert os.pread(fd, 10, 0) == b'%03d\n' % DEPTH
                _check(fs.mnt)
        except (OSError, AssertionError) as error:
            failures.append(repr(error))
        finally:
            os.close(fd)

    readers = [threading.Thread(target=read, daemon=True) for _ in range(4)]
    with connection.Watchdog(fs.mnt, 50) as dog, Killer(fs, 8, seed) as killer:
        for reader in readers:
            reader.start()
        while len(killer.kills) < 30 and not killer.missed and not failures:
            over.wait(0.05)
        over.set()
        for reader in readers:
            reader.join(20)
    assert not failures and not dog.fired and len(killer.kills) >= 30
    assert not any(reader.is_alive() for reader in readers)
    assert 'wrong' not in fs.log(), fs.log()
