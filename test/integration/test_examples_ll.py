"""The low-level examples do what they say, alone and with their clients."""

import errno
import fcntl
import mmap
import os
import re
import select
import subprocess

import pytest

from fusetest import paths, procs
from fusetest.killer import Killer

PERIOD = 'period=40'
GET_SIZE, SET_SIZE = 0x80084500, 0x40084501


def _client(name, *arguments):
    return subprocess.run([str(paths.example(name)), *[str(part) for part in arguments]],
                          capture_output=True, text=True, timeout=40, check=False)


def _errno_of(function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        return error.errno
    return 0


# -- names ------------------------------------------------------------------------------------------

def _number(fs):
    return int(os.listdir(fs.mnt)[0].rpartition('.')[2])


def _known_name(fs):
    """A name that the kernel has looked up."""
    def look():
        path = fs.mnt / f'name.{_number(fs)}'
        return path if path.exists() else None
    return procs.wait_until(look, 20, 0)


@pytest.mark.parametrize('reattach', [False, True], ids=['off', 'on'])
@pytest.mark.parametrize('how', ['inval', 'expire'])
def test_names_are_forgotten(bench, how, reattach):
    release = tuple(int(part) for part in re.findall(r'\d+', os.uname().release)[:2])
    if how == 'expire' and release < (6, 2):
        pytest.skip('the kernel cannot let names expire')
    fs = bench.add('notify_inval_entry', options=[PERIOD] + (['expire'] if how == 'expire' else []),
                   reattach=reattach)
    for _ in range(3):
        path = _known_name(fs)
        assert path
        assert procs.wait_until(lambda path=path: not path.exists(), 20)
    assert fs.unmount(), fs.leftovers()
    assert 'notify_inval_entry:' not in fs.log()


def test_names_are_remembered_without_notification(bench):
    fs = bench.add('notify_inval_entry', options=[PERIOD, 'no_notify'])
    path = _known_name(fs)
    first = int(path.name.rpartition('.')[2])
    assert procs.wait_until(lambda: _number(fs) > first + 3, 20)
    assert path.exists()


# -- contents ---------------------------------------------------------------------------------------

def _count(fs):
    return int((fs.mnt / 'count').read_text())


def _count_without_cache(fs):
    """What the filesystem says, past the kernel's cache."""
    fd = os.open(fs.mnt / 'count', os.O_RDONLY | os.O_DIRECT)
    try:
        with mmap.mmap(-1, 4096) as memory:
            size = os.preadv(fd, [memory], 0)
            return int(memory[:size])
    finally:
        os.close(fd)


@pytest.mark.parametrize('reattach', [False, True], ids=['off', 'on'])
def test_contents_are_dropped(bench, reattach):
    fs = bench.add('notify_inval_inode', options=[PERIOD], reattach=reattach)
    first = _count(fs)
    assert procs.wait_until(lambda: _count(fs) > first + 3, 20)
    assert fs.unmount(), fs.leftovers()
    assert 'notify_inval_inode:' not in fs.log()


def test_contents_are_kept_without_notification(bench):
    fs = bench.add('notify_inval_inode', options=[PERIOD, 'no_notify'])
    first = _count(fs)
    assert procs.wait_until(lambda: _count_without_cache(fs) > first + 3, 20)
    assert _count(fs) == first


@pytest.mark.parametrize('reattach', [False, True], ids=['off', 'on'])
def test_contents_are_stored_and_retrieved(bench, reattach):
    fs = bench.add('notify_store_retrieve', options=[PERIOD], reattach=reattach)
    first = _count(fs)
    assert procs.wait_until(lambda: _count(fs) > first + 3, 20)
    lines = procs.wait_until(lambda: _retrieved(fs, 4), 20)
    assert lines, fs.log()
    values = [value for value, _ in lines]
    assert values == sorted(set(values))
    # They came from the cache, into which they had been stored, and not from reading.
    assert lines[-1][1] == lines[0][1]
    assert fs.unmount(), fs.leftovers()
    assert 'notify_store_retrieve:' not in fs.log()


def _retrieved(fs, least):
    found = re.findall(r'the kernel has (\d+), after (\d+) reads', fs.log())
    return [(int(value), int(reads)) for value, reads in found] if len(found) >= least else None


# -- ioctl ------------------------------------------------------------------------------------------

@pytest.mark.parametrize('reattach', [False, True], ids=['off', 'on'])
def test_size_by_ioctl(bench, reattach):
    fs = bench.add('ioctl_ll', reattach=reattach)
    path = fs.mnt / 'memory'
    assert _client('ioctl_client', path).stdout == '0\n'
    assert _client('ioctl_client', path, 1000).returncode == 0
    assert path.stat().st_size == 1000 and path.read_bytes() == bytes(1000)
    path.write_bytes(b'text')
    assert _client('ioctl_client', path).stdout == '4\n'
    too_large = _client('ioctl_client', path, 1 << 40)
    assert too_large.returncode != 0 and os.strerror(errno.EFBIG) in too_large.stderr
    fd = os.open(path, os.O_RDWR)
    try:
        assert fcntl.ioctl(fd, GET_SIZE, bytes(8)) == (4).to_bytes(8, 'little')
        assert _errno_of(fcntl.ioctl, fd, 0x4599) == errno.ENOTTY
        if reattach:
            # What is kept in memory is gone with the server; the open file and its commands are not.
            fs.recover()
            assert fcntl.ioctl(fd, GET_SIZE, bytes(8)) == bytes(8)
            fcntl.ioctl(fd, SET_SIZE, (7).to_bytes(8, 'little'))
            assert path.stat().st_size == 7
    finally:
        os.close(fd)


def test_ioctl_on_the_directory(bench):
    fs = bench.add('ioctl_ll')
    fd = os.open(fs.mnt, os.O_RDONLY)
    try:
        assert _errno_of(fcntl.ioctl, fd, GET_SIZE, bytes(8)) == errno.ENOTTY
    finally:
        os.close(fd)


def test_contents_are_dropped_before_the_successor_was_asked_for_them(bench):
    """It says that the file has changed; the kernel has read it from its predecessor."""
    fs = bench.add('notify_inval_inode', options=[PERIOD])
    fd = os.open(fs.mnt / 'count', os.O_RDONLY)
    try:
        for _ in range(3):
            before = os.pread(fd, 20, 0)
            fs.recover()
            assert procs.wait_until(lambda seen=before: os.pread(fd, 20, 0) != seen, 20)
    finally:
        os.close(fd)


def test_who_died_while_he_retrieved_is_not_missed(bench, seed):
    fs = bench.add('notify_store_retrieve', options=['period=5'])
    assert _count(fs) >= 0
    killer = Killer(fs, per_second=6, seed=seed)
    killer.start()
    assert killer.wait_for(15)
    killer.stop()
    first = _count(fs)
    assert procs.wait_until(lambda: _count(fs) > first + 3, 20)
    assert _retrieved(fs, 4), fs.log()


# -- poll -------------------------------------------------------------------------------------------

@pytest.mark.parametrize('reattach', [False, True], ids=['off', 'on'])
def test_lines_are_waited_for(bench, reattach):
    fs = bench.add('poll_ll', options=[PERIOD], reattach=reattach)
    command = [str(paths.example('poll_client')), str(fs.mnt / 'ticks'), '4']
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for client in clients:
        lines = client.communicate(timeout=40)[0].splitlines()
        assert client.returncode == 0
        numbers = [int(line.removeprefix('tick ')) for line in lines]
        assert numbers == list(range(numbers[0], numbers[0] + 4))


def test_nothing_is_ready_before_its_time(bench):
    fs = bench.add('poll_ll', options=['period=3600000'])
    fd = os.open(fs.mnt / 'ticks', os.O_RDONLY | os.O_NONBLOCK)
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        assert poll.poll(0) == [] and poll.poll(50) == []
        assert _errno_of(os.read, fd, 10) == errno.EAGAIN
    finally:
        os.close(fd)
