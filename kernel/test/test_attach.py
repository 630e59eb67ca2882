"""FUSE_DEV_IOC_ATTACH: who gets a connection, when, and with which answer to INIT."""

import errno
import fcntl
import os
import signal
import struct

import pytest

import rawfs
from rawfs import Settings, attach


def _refused(wanted, mount, generation, flags=0, device=None):
    own = os.open('/dev/fuse', os.O_RDWR) if device is None else device
    try:
        with pytest.raises(OSError) as caught:
            attach(own, mount, generation, flags)
        assert caught.value.errno == wanted, caught.value
    finally:
        if device is None:
            os.close(own)


def test_successor_is_asked_for_init_first_and_counts(mounts):
    mount = mounts()
    assert mount.generation() == 1
    mount.kill()
    assert mount.generation() == 1
    pid = mount.succeed()
    os.stat(mount.point)
    assert mount.generation() == 2
    assert next(opcode for server, opcode, _ in mount.store.requests() if server == pid) == rawfs.INIT


def test_wrong_generation_is_stale(mounts):
    mount = mounts()
    mount.kill()
    for generation in (0, 2, 1 << 63):
        _refused(errno.ESTALE, mount.root, generation)
    mount.succeed(1)
    mount.wait_generation(2)
    mount.kill()
    _refused(errno.ESTALE, mount.root, 1)


def test_served_connection_is_busy(mounts):
    mount = mounts()
    _refused(errno.EBUSY, mount.root, 1)
    mount.kill()
    mount.succeed()
    mount.wait_generation(2)
    _refused(errno.EBUSY, mount.root, 2)


def test_bad_arguments(mounts, tmp_path):
    mount = mounts()
    mount.kill()
    other = os.open(tmp_path, os.O_PATH)
    _refused(errno.EINVAL, other, 1)
    os.close(other)
    _refused(errno.EBADF, 9999, 1)
    _refused(errno.EINVAL, mount.root, 1, flags=2)
    device = os.open('/dev/fuse', os.O_RDWR)
    _refused(errno.EINVAL, device, 1, device=device)  # a device is no file of the mount
    attach(device, mount.root, 1)
    _refused(errno.EINVAL, mount.root, 1, rawfs.ATTACH_FORCE, device=device)  # is in use
    os.close(device)
    with pytest.raises(OSError) as caught:
        null = os.open('/dev/null', os.O_RDWR)
        attach(null, mount.root, 1)
    os.close(null)
    assert caught.value.errno == errno.ENOTTY


def test_server_that_did_not_ask_takes_the_connection_with_it(mounts):
    mount = mounts(Settings(flags=0))
    _refused(errno.EOPNOTSUPP, mount.root, 1)
    mount.kill()
    _refused(errno.ENOTCONN, mount.root, 1)
    with pytest.raises(OSError) as caught:
        os.stat(mount.point / 'f0')
    assert caught.value.errno == errno.ENOTCONN


def test_one_of_many_gets_it(mounts):
    mount = mounts()
    for generation in range(1, 6):
        mount.kill()
        start_read, start_write = os.pipe()
        children = []
        for _ in range(6):
            child = os.fork()
            if child == 0:
                status = 99
                try:
                    os.close(start_write)
                    device = os.open('/dev/fuse', os.O_RDWR)
                    os.read(start_read, 1)  # until all of them are there
                    try:
                        attach(device, mount.root, generation)
                    except OSError as error:
                        os._exit(error.errno)
                    status = rawfs.Server(device, mount.store, Settings()).run()
                finally:
                    os._exit(status)
            children.append(child)
        os.close(start_read)
        os.close(start_write)
        os.stat(mount.point)
        losers = []
        while len(children) > 1:
            pid, status = os.wait()
            children.remove(pid)
            losers.append(os.waitstatus_to_exitcode(status))
        assert all(code in (errno.EBUSY, errno.ESTALE) for code in losers)
        mount.pids.append(children[0])
        assert mount.generation() == generation + 1


def test_other_user_is_refused(mounts):
    mount = mounts()
    mount.kill()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        code = 0
        try:
            attach(os.open('/dev/fuse', os.O_RDWR), mount.root, 1)
        except OSError as error:
            code = error.errno
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == errno.EPERM
    mount.succeed()
    os.stat(mount.point)


@pytest.mark.parametrize('wrong', [Settings(flags=0), Settings(max_write=4096),
                                   Settings(flags=rawfs.SUCCESSOR | rawfs.WRITEBACK_CACHE)])
def test_other_answer_to_init_is_refused(mounts, call, wrong):
    mount = mounts()
    (mount.point / 'f0').write_bytes(b'x')
    mount.kill()
    pid = mount.succeed(settings=wrong)
    read = call((mount.point / 'f0').read_bytes)
    assert mount.reap(pid) == errno.ENODEV
    assert mount.generation() == 1
    mount.succeed()
    assert read.result() == b'x' and mount.generation() == 2


def test_successor_that_dies_before_its_answer_changes_nothing(mounts, call):
    mount = mounts()
    (mount.point / 'f0').write_bytes(b'x')
    mount.kill()
    read = call((mount.point / 'f0').read_bytes)
    for _ in range(3):
        assert mount.reap(mount.succeed(settings=Settings(at=rawfs.INIT, act='die'))) == -signal.SIGKILL
        assert mount.generation() == 1
    pid = mount.succeed()
    assert read.result() == b'x' and mount.generation() == 2
    opcodes = [opcode for server, opcode, _ in mount.store.requests() if server == pid]
    assert opcodes[0] == rawfs.INIT and opcodes.count(rawfs.INIT) == 1


def test_hung_server_is_cut_off(mounts, call):
    mount = mounts(Settings(at=rawfs.READ, act='stop'))
    (mount.point / 'f0').write_bytes(b'x')
    hung = mount.pids[-1]
    read = call((mount.point / 'f0').read_bytes)
    rawfs.wait_until(lambda: _state(hung) == 'T', 'hung server')
    _refused(errno.EBUSY, mount.root, 1)
    mount.settings = Settings()
    mount.succeed(flags=rawfs.ATTACH_FORCE)
    assert read.result() == b'x' and mount.generation() == 2
    (mount.point / 'f0').write_bytes(b'y')
    os.kill(hung, signal.SIGCONT)  # it writes its late reply now
    assert mount.reap(hung) == errno.ENODEV
    assert (mount.point / 'f0').read_bytes() == b'y'
    assert mount.generation() == 2


def test_device_that_was_cut_off_is_of_no_use(mounts):
    mount = mounts()
    mount.kill()
    old = os.open('/dev/fuse', os.O_RDWR)
    attach(old, mount.root, 1)
    mount.succeed(1, flags=rawfs.ATTACH_FORCE)
    os.stat(mount.point)
    for use in (lambda: os.read(old, 1 << 18), lambda: os.write(old, struct.pack('<IiQ', 16, 0, 8)),
                lambda: fcntl.ioctl(old, rawfs.IOC_REINIT), lambda: _clone(old)):
        with pytest.raises(OSError) as caught:
            use()
        assert caught.value.errno == errno.ENODEV
    os.close(old)
    os.stat(mount.point)
    assert mount.generation() == 2


def test_server_with_o_async_is_cut_off(mounts):
    """It stays on the list of who gets a signal when its successor is gone; the kernel is not to complain."""
    mount = mounts()
    mount.kill()
    old, new = (os.open('/dev/fuse', os.O_RDWR) for _ in range(2))
    attach(old, mount.root, 1)
    fcntl.fcntl(old, fcntl.F_SETFL, fcntl.fcntl(old, fcntl.F_GETFL) | os.O_ASYNC)
    attach(new, mount.root, 1, rawfs.ATTACH_FORCE)
    os.close(new)
    mount.succeed(1)
    os.stat(mount.point)
    os.close(old)
    assert mount.generation() == 2


def test_device_closes_while_the_server_is_cut_off(mounts, call):
    """Either is first. Each device is counted once, or the end of the next server would not be seen."""
    mount = mounts()
    for generation in range(1, 12, 2):
        mount.kill()
        device, clone = (os.open('/dev/fuse', os.O_RDWR) for _ in range(2))
        attach(device, mount.root, generation)
        old = mount.fork(device, Settings())
        mount.wait_generation(generation + 1)
        fcntl.ioctl(clone, rawfs.IOC_CLONE, struct.pack('<I', device))
        os.close(device)
        close = call(os.close, clone)
        mount.succeed(generation + 1, flags=rawfs.ATTACH_FORCE)
        close.result()
        assert mount.reap(old) == errno.ENODEV
        mount.wait_generation(generation + 2)
    mount.kill()
    mount.succeed()
    os.stat(mount.point)


def _clone(device):
    clone = os.open('/dev/fuse', os.O_RDWR)
    try:
        fcntl.ioctl(clone, rawfs.IOC_CLONE, struct.pack('<I', device))
    finally:
        os.close(clone)


def _state(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as file:
        return file.read().rpartition(')')[2].split()[0]


def test_reinit_on_a_device_that_was_handed_over(mounts, call):
    mount = mounts(Settings(at=rawfs.READ, act='hold'))
    (mount.point / 'f0').write_bytes(b'x')
    mount.kill()
    device = os.open('/dev/fuse', os.O_RDWR)
    attach(device, mount.root, 1)
    holder = mount.fork(device, Settings(at=rawfs.READ, act='hold'))
    read = call((mount.point / 'f0').read_bytes)
    rawfs.wait_until(lambda: any(server == holder and opcode == rawfs.READ
                                 for server, opcode, _ in mount.store.requests()), 'request in hand')
    mount.kill(holder)  # the device stays open here
    fcntl.ioctl(device, rawfs.IOC_REINIT)
    with pytest.raises(OSError) as caught:
        fcntl.ioctl(device, rawfs.IOC_REINIT)
    assert caught.value.errno == errno.EBUSY
    pid = mount.fork(device, Settings())
    os.close(device)
    assert read.result() == b'x' and mount.generation() == 3
    seen = [(opcode, unique >> 63) for server, opcode, unique in mount.store.requests() if server == pid]
    assert seen[0] == (rawfs.INIT, 0) and (rawfs.READ, 1) in seen
