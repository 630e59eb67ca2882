"""A connection without a server: what waits, in which order it comes back, and how it ends."""

import errno
import fcntl
import mmap
import os
import time

import pytest

import rawfs
import work
from rawfs import Settings


def test_calls_wait_and_open_files_stay(mounts, call):
    mount = mounts()
    fd = os.open(mount.point / 'f0', os.O_RDWR)
    os.pwrite(fd, b'before', 0)
    mount.kill()
    calls = [call(os.pread, fd, 6, 0), call(os.pwrite, fd, b'after', 100), call(os.stat, mount.point / 'f1'),
             call(os.statvfs, mount.point)]
    time.sleep(0.05)
    assert all(one.is_alive() for one in calls)
    mount.succeed()
    assert calls[0].result() == b'before' and calls[1].result() == 5
    for one in calls[2:]:
        one.result()
    assert os.pread(fd, 5, 100) == b'after'
    os.close(fd)


def test_requests_in_hand_come_back_in_order_and_marked(mounts, call):
    mount = mounts(Settings(at=rawfs.WRITE, act='hold'))
    fds = [os.open(mount.point / f'f{number}', os.O_WRONLY) for number in range(rawfs.FILES)]
    other = fds.pop()
    first, writes = mount.pids[-1], []

    def in_hand(server):
        return [unique for pid, opcode, unique in mount.store.requests()
                if pid == server and opcode == rawfs.WRITE]

    for number, fd in enumerate(fds):
        writes.append(call(os.pwrite, fd, b'%d' % number, 0))
        rawfs.wait_until(lambda count=number: len(in_hand(first)) == count + 1, 'request in hand')
    mount.kill()
    mount.settings = Settings()
    held = Settings(at=rawfs.WRITE, act='hold')
    second = mount.succeed(settings=held)
    rawfs.wait_until(lambda: len(in_hand(second)) == len(fds), 'the same requests')
    late = call(os.pwrite, other, b'late', 8)
    rawfs.wait_until(lambda: int(mount.control('waiting').read_text()) > len(fds), 'a new request')
    mount.kill()
    third = mount.succeed()
    for write in [*writes, late]:
        write.result()
    marked = [unique | rawfs.RESEND for unique in in_hand(first)]
    assert sorted(marked) == marked
    assert in_hand(second)[:len(fds)] == marked
    assert in_hand(third)[:len(fds)] == marked
    for fd in [*fds, other]:
        os.close(fd)


@pytest.mark.parametrize('direct', [True, False])
@pytest.mark.parametrize('flags', [0, rawfs.WRITEBACK_CACHE])
def test_nothing_is_lost_or_wrong_under_kills(mounts, call, direct, flags):
    mount = mounts(Settings(rawfs.SUCCESSOR | flags, direct=direct))

    def succeed(generation, _):
        mount.succeed(generation)
        mount.wait_generation(generation + 1)

    work.under_kills(mount, call, 25, succeed)


def test_shared_mapping_survives(mounts):
    mount = mounts(Settings(direct=False))
    fd = os.open(mount.point / 'f0', os.O_RDWR)
    os.ftruncate(fd, 8192)
    with mmap.mmap(fd, 8192) as view:
        view[0:5], view[4096:4102] = b'first', b'before'
        view.flush()
        mount.kill()
        view[4096:4102] = b'second'
        mount.succeed()
        view.flush()
    os.close(fd)
    assert mount.store.data[0:5] == b'first' and mount.store.data[4096:4102] == b'second'


def test_deadline_aborts(mounts, call):
    mount = mounts(Settings(timeout=1))
    fd = os.open(mount.point / 'f0', os.O_RDONLY)
    mount.kill()
    read = call(os.pread, fd, 1, 0)
    with pytest.raises(OSError) as caught:
        read.result()
    assert caught.value.errno in (errno.ECONNABORTED, errno.ENOTCONN)
    for late in (mount.succeed, lambda: os.close(fd)):
        with pytest.raises(OSError) as caught:
            late()
        assert caught.value.errno == errno.ENOTCONN


def test_deadline_is_over_once_there_is_a_server(mounts):
    mount = mounts(Settings(timeout=2))
    for _ in range(3):
        mount.kill()
        time.sleep(0.5)
        mount.succeed()
        os.stat(mount.point)
    time.sleep(2.5)
    os.statvfs(mount.point)
    assert mount.generation() == 4


def test_attempts_do_not_put_the_deadline_off(mounts):
    mount = mounts(Settings(timeout=1))
    mount.kill()
    with pytest.raises(OSError) as caught:
        for _ in range(100):
            mount.reap(mount.succeed(settings=Settings(at=rawfs.INIT, act='die')))
            time.sleep(0.1)
    assert caught.value.errno == errno.ENOTCONN


def test_abort_file(mounts, call):
    mount = mounts()
    mount.kill()
    stat = call(os.stat, mount.point / 'f0')
    time.sleep(0.05)
    mount.control('abort').write_text('1')
    with pytest.raises(OSError) as caught:
        stat.result()
    assert caught.value.errno in (errno.ECONNABORTED, errno.ENOTCONN)


@pytest.mark.parametrize('how', [0, 1, 2])  # umount, umount -f, umount -l
def test_unmounting_without_a_server(mounts, call, how):
    mount = mounts()
    os.close(os.open(mount.point / 'f0', os.O_RDONLY))  # the kernel knows then that there is no FLUSH
    fd = os.open(mount.point / 'f0', os.O_RDONLY) if how == 2 else -1
    control = mount.control('waiting')
    mount.kill()
    call(mount.unmount, how).result()
    if fd >= 0:
        assert control.exists()
        os.close(fd)
    rawfs.wait_until(lambda: not control.exists(), 'end of the connection')


def test_attaching_while_it_is_unmounted(mounts, call):
    """Either of the two wins; what counts is that nothing hangs and the kernel has no complaint."""
    for number in range(30):
        mount = mounts()
        control = mount.control('waiting')
        mount.kill()
        root, device = os.dup(mount.root), os.open('/dev/fuse', os.O_RDWR)
        unmount = call(mount.unmount, 2)
        attached = call(rawfs.attach, device, root, 1)
        unmount.result()
        attached.result()
        for fd in (device, root) if number % 2 else (root, device):
            os.close(fd)
        rawfs.wait_until(lambda gone=control: not gone.exists(), 'end of the connection')


def test_interrupted_caller_leaves(mounts):
    mount = mounts()
    mount.kill()
    child = os.fork()
    if child == 0:
        os.stat(mount.point / 'f0')
        os._exit(0)
    rawfs.wait_until(lambda: int(mount.control('waiting').read_text()) > 0, 'a request')
    os.kill(child, 9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
    mount.succeed()
    os.stat(mount.point)


def test_closing_one_of_two_devices(mounts, call):
    """Its requests go to the other one."""
    mount = mounts(Settings(at=rawfs.READ, act='hold'))
    (mount.point / 'f0').write_bytes(b'x')
    first = mount.pids[-1]
    mount.kill(first)
    device, clone = (os.open('/dev/fuse', os.O_RDWR) for _ in range(2))
    rawfs.attach(device, mount.root, 1)
    holder = mount.fork(device, Settings(at=rawfs.READ, act='hold'))
    mount.wait_generation(2)
    fcntl.ioctl(clone, rawfs.IOC_CLONE, device.to_bytes(4, 'little'))
    read = call((mount.point / 'f0').read_bytes)
    rawfs.wait_until(lambda: any(pid == holder and opcode == rawfs.READ
                                 for pid, opcode, _ in mount.store.requests()), 'request in hand')
    os.close(device)  # not for the next one, so that it is the holder's alone
    mount.fork(clone, Settings())
    os.close(clone)
    mount.kill(holder)
    assert read.result() == b'x' and mount.generation() == 2
