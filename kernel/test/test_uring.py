"""Servers whose requests come over io_uring, followed by others."""

import errno
import fcntl
import os
import time
from pathlib import Path

import pytest

import rawfs
import work
from rawfs import Settings

ENABLED = Path('/sys/module/fuse/parameters/enable_uring')
pytestmark = pytest.mark.skipif(not ENABLED.exists(), reason='this kernel has no queues over io_uring')
FLAGS = rawfs.SUCCESSOR | rawfs.OVER_IO_URING


def _settings(flags=FLAGS, ring=4, **others):
    return Settings(flags, ring=ring, **others)


def _succeed(mount, settings=None, flags=0):
    """The device of a server with a ring is closed some time after its end."""
    end = time.monotonic() + 20
    while True:
        try:
            return mount.succeed(settings=settings or _settings(), flags=flags)
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > end:
                raise
            time.sleep(0.005)


def _in_hand(mount, pid, opcode):
    return [unique for server, code, unique in mount.store.requests() if (server, code) == (pid, opcode)]


def test_requests_come_over_the_ring(mounts):
    mount = mounts(_settings())
    (mount.point / 'f0').write_bytes(b'x' * 100000)
    assert (mount.point / 'f0').read_bytes() == b'x' * 100000
    assert {rawfs.LOOKUP, rawfs.OPEN, rawfs.WRITE, rawfs.READ} <= set(mount.store.by_ring(mount.pids[-1]))


def test_request_in_hand_and_what_waits_come_back(mounts, call):
    mount = mounts(_settings(ring=1, at=rawfs.WRITE, act='hold'))
    first = mount.pids[-1]
    fds = [os.open(mount.point / f'f{number}', os.O_RDWR) for number in range(4)]
    writes = [call(os.pwrite, fds[0], b'first', 0)]
    rawfs.wait_until(lambda: _in_hand(mount, first, rawfs.WRITE), 'request in hand')
    writes += [call(os.pwrite, fd, b'later', 0) for fd in fds[1:]]
    rawfs.wait_until(lambda: int(mount.control('waiting').read_text()) >= 4, 'requests in the queue')
    mount.kill()
    second = _succeed(mount, _settings(ring=2))
    assert [write.result() for write in writes] == [5] * 4
    seen = _in_hand(mount, second, rawfs.WRITE)
    assert seen[0] == _in_hand(mount, first, rawfs.WRITE)[0] | rawfs.RESEND
    assert not any(unique & rawfs.RESEND for unique in seen[1:])
    assert [os.pread(fd, 5, 0) for fd in fds] == [b'first', b'later', b'later', b'later']
    assert rawfs.READ in mount.store.by_ring(second) and mount.generation() == 2
    for fd in fds:
        os.close(fd)


@pytest.mark.parametrize('flags', [0, rawfs.WRITEBACK_CACHE])
def test_nothing_is_lost_or_wrong_under_kills(mounts, call, flags):
    mount = mounts(_settings(FLAGS | flags, direct=not flags))

    def succeed(generation, rng):
        pid = _succeed(mount, _settings(FLAGS | flags, ring=rng.randrange(1, 6), direct=not flags))
        mount.wait_generation(generation + 1)
        if rng.random() < 0.7:  # the others are killed while they register
            rawfs.wait_until(lambda: mount.store.by_ring(pid), 'request over the ring')

    work.under_kills(mount, call, 15, succeed)


def test_hung_server_is_cut_off(mounts, call):
    mount = mounts(_settings(ring=2, at=rawfs.READ, act='stop'))
    first = mount.pids[-1]
    fds = [os.open(mount.point / f'f{number}', os.O_RDWR) for number in range(2)]
    for fd in fds:
        os.pwrite(fd, b'old', 0)
    reads = [call(os.pread, fds[0], 3, 0)]
    rawfs.wait_until(lambda: _in_hand(mount, first, rawfs.READ), 'request in hand')
    rawfs.wait_until(lambda: Path(f'/proc/{first}/stat').read_text().split()[2] == 'T', 'stopped server')
    # This one is on its way to the server and does not arrive
    reads.append(call(os.pread, fds[1], 3, 0))
    rawfs.wait_until(lambda: int(mount.control('waiting').read_text()) >= 2, 'two requests')
    second = mount.succeed(settings=_settings(), flags=rawfs.ATTACH_FORCE)
    assert [read.result() for read in reads] == [b'old', b'old']
    assert sum(bool(unique & rawfs.RESEND) for unique in _in_hand(mount, second, rawfs.READ)) == 1
    os.kill(first, 18)  # SIGCONT: its late reply
    assert mount.reap(first) in (errno.ENODEV, errno.ENOTCONN)
    assert os.pread(fds[0], 3, 0) == b'old' and mount.generation() == 2
    for fd in fds:
        os.close(fd)


def _attached(device, mount):
    try:
        rawfs.attach(device, mount.root, 1)
        return True
    except OSError as error:
        assert error.errno == errno.EBUSY
        return False


def _held_by_ring(mount):
    """A device that this process keeps, and a server on it that answers no WRITE."""
    mount.kill()
    device = os.open('/dev/fuse', os.O_RDWR)
    rawfs.wait_until(lambda: _attached(device, mount), 'attached device')
    return device, mount.fork(device, _settings(ring=1, at=rawfs.WRITE, act='hold'))


def test_resend_reaches_what_a_ring_holds(mounts, call):
    """The device is kept by somebody else, who knows nothing of rings."""
    mount = mounts(_settings())
    device, first = _held_by_ring(mount)
    fds = [os.open(mount.point / f'f{number}', os.O_RDWR) for number in range(2)]
    writes = [call(os.pwrite, fds[0], b'held', 0)]
    rawfs.wait_until(lambda: _in_hand(mount, first, rawfs.WRITE), 'request in hand')
    writes.append(call(os.pwrite, fds[1], b'next', 0))
    rawfs.wait_until(lambda: int(mount.control('waiting').read_text()) >= 2, 'two requests')
    mount.kill(first)
    second = mount.fork(device, _settings(resume=True))
    assert [write.result() for write in writes] == [4, 4]
    assert _in_hand(mount, first, rawfs.WRITE)[0] | rawfs.RESEND in _in_hand(mount, second, rawfs.WRITE)
    assert os.pread(fds[0], 4, 0) == b'held' and rawfs.READ in mount.store.by_ring(second)
    assert mount.generation() == 2
    for fd in fds:
        os.close(fd)
    mount.kill(second)
    os.close(device)


def test_reinit_gives_a_new_ring(mounts, call):
    mount = mounts(_settings())
    device, first = _held_by_ring(mount)
    fd = os.open(mount.point / 'f0', os.O_RDWR)
    write = call(os.pwrite, fd, b'held', 0)
    rawfs.wait_until(lambda: _in_hand(mount, first, rawfs.WRITE), 'request in hand')
    mount.kill(first)
    fcntl.ioctl(device, rawfs.IOC_REINIT)
    second = mount.fork(device, _settings())
    assert write.result() == 4 and os.pread(fd, 4, 0) == b'held'
    assert rawfs.READ in mount.store.by_ring(second) and mount.generation() == 3
    os.close(fd)
    mount.kill(second)
    os.close(device)


@pytest.mark.parametrize('shift', [0, 1, 7], ids=['same-ids', 'next-ids', 'other-ids'])
def test_server_that_kept_nothing(mounts, call, shift):
    mount = mounts(_settings(FLAGS | rawfs.STALE_OBJECTS, strict=True))
    fd = os.open(mount.point / 'f0', os.O_RDWR)
    os.pwrite(fd, b'before', 0)
    mount.kill()
    waiting = [call(os.pread, fd, 1, 0), call(os.stat, mount.point / 'f0')]
    second = _succeed(mount, _settings(FLAGS | rawfs.STALE_OBJECTS, strict=True, shift=shift))
    with pytest.raises(OSError) as caught:
        waiting[0].result()
    assert caught.value.errno == errno.ESTALE
    waiting[1].result()
    assert (mount.point / 'f0').read_bytes() == b'before'
    assert rawfs.UNKNOWN not in mount.store.sent_to(second)
    os.close(fd)


def test_deadline_aborts(mounts, call):
    mount = mounts(_settings(timeout=1))
    fd = os.open(mount.point / 'f0', os.O_RDONLY)
    mount.kill()
    read = call(os.pread, fd, 1, 0)
    with pytest.raises(OSError) as caught:
        read.result()
    assert caught.value.errno in (errno.ECONNABORTED, errno.ENOTCONN)
    with pytest.raises(OSError) as caught:
        os.close(fd)
    assert caught.value.errno == errno.ENOTCONN


@pytest.mark.parametrize('how', ['abort', 0, 1, 2])  # umount, umount -f, umount -l
def test_ends_while_requests_are_on_the_ring(mounts, call, how):
    mount = mounts(_settings(ring=1, at=rawfs.STATFS, act='hold'))
    control, calls = mount.control('waiting'), []
    os.close(os.open(mount.point / 'f0', os.O_RDONLY))  # the kernel knows then that there is no FLUSH
    if how in ('abort', 2):
        calls = [call(os.statvfs, mount.point / f'f{number}') for number in range(3)]
        rawfs.wait_until(lambda: int(control.read_text()) >= 2, 'requests')
    mount.kill()
    if how == 'abort':
        mount.control('abort').write_text('1')
    elif how == 2:
        call(mount.unmount, 2).result()
        control.with_name('abort').write_text('1')
    else:
        call(mount.unmount, how).result()
    for one in calls:
        with pytest.raises(OSError):
            one.result()
    if how != 'abort':
        rawfs.wait_until(lambda: not control.exists(), 'end of the connection')


def test_stock_end_without_a_successor(mounts, call):
    mount = mounts(_settings(rawfs.OVER_IO_URING, ring=1, at=rawfs.WRITE, act='hold'))
    fd = os.open(mount.point / 'f0', os.O_RDWR)
    write = call(os.pwrite, fd, b'held', 0)
    rawfs.wait_until(lambda: _in_hand(mount, mount.pids[-1], rawfs.WRITE), 'request in hand')
    mount.kill()
    with pytest.raises(OSError) as caught:
        write.result()
    assert caught.value.errno in (errno.ECONNABORTED, errno.ENOTCONN)
    with pytest.raises(OSError):
        os.close(fd)
