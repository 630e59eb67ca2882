"""User namespaces: a mount belongs to who mounted it, in the namespace it was mounted in."""

import ctypes
import errno
import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

import rawfs
from rawfs import LIBC, Mount, Settings, attach

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
NOBODY = 65534


@pytest.fixture(name='folder')
def _folder():
    """A folder that everybody can use."""
    path = Path(tempfile.mkdtemp(dir='/run/tmp'))
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


def _enter_namespace(user, inside=None):
    """A user namespace of its own, where `user` is the only one, by that number or another, and root's powers."""
    line = f'{user if inside is None else inside} {user} 1'
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    assert LIBC.prctl(4, 1) == 0  # PR_SET_DUMPABLE, or its own /proc files are not its own
    if LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), 'unshare')
    for name, text in (('setgroups', 'deny'), ('uid_map', line), ('gid_map', line)):
        Path(f'/proc/self/{name}').write_text(text, encoding='ascii')


def _drop_capabilities():
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert LIBC.capset(header, none) == 0


def _in_child(function, *args):
    """The child that runs it; its exit status is what the function returned."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            status = function(*args)
        finally:
            os._exit(status)
    return child


def _status(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _attempt(mount):
    """The errno of attaching with a device that is opened here and now."""
    device = os.open('/dev/fuse', os.O_RDWR)
    try:
        attach(device, mount, 1)
    except OSError as error:
        return error.errno
    finally:
        os.close(device)
    return 0


def _attempt_as(user, mount):
    _enter_namespace(user)
    return _attempt(mount)


def _mount_and_follow(folder, user, link):
    """In a namespace: mounts, loses the server, lets others try, and follows it without any power."""
    _enter_namespace(user)
    mount = Mount(folder, owner=user)
    mount.kill()
    socket.send_fds(link, [b'x'], [mount.root])
    assert link.recv(1) == b'x'
    tried = _in_child(lambda: _drop_capabilities() or _attempt(mount.root))
    assert _status(tried) == 0, 'who mounted it'  # and left again
    mount.succeed()
    os.stat(mount.point / 'f0')
    assert mount.generation() == 2
    mount.stop()
    return 0


@pytest.mark.parametrize('user', [0, NOBODY])
def test_only_from_the_namespace_of_the_mount(folder, user):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = _in_child(_mount_and_follow, folder, user, theirs)
    theirs.close()
    _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    # Root of the machine has every capability there, but its device is from here.
    assert _attempt(fds[0]) == errno.EPERM
    for other in (user, 12345):
        assert _status(_in_child(_attempt_as, other, fds[0])) == errno.EPERM
    os.close(fds[0])
    ours.send(b'x')
    ours.close()
    assert _status(child) == 0


def _write_back_after_a_change(folder):
    """In a namespace that does not know the user of the kernel's threads, which write dirty pages."""
    _enter_namespace(NOBODY, 0)
    flags = rawfs.SUCCESSOR | rawfs.WRITEBACK_CACHE
    mount = Mount(folder, Settings(flags, direct=False))
    fd = os.open(mount.point / 'f0', os.O_RDWR)
    os.pwrite(fd, b'unsent', 0)
    mount.kill()
    mount.succeed(settings=Settings(flags | rawfs.STALE_OBJECTS, direct=False, shift=1))
    os.stat(mount.point / 'f0')
    os.sync()
    rawfs.wait_until(lambda: mount.store.data[:6] == b'unsent', 'data')
    os.close(fd)
    mount.stop()
    return 0


def test_kernel_opens_a_file_to_write_dirty_pages(folder):
    assert _status(_in_child(_write_back_after_a_change, folder)) == 0


def test_namespace_cannot_take_a_mount_from_outside(mounts):
    mount = mounts()
    mount.kill()
    for user in (0, NOBODY):
        assert _status(_in_child(_attempt_as, user, mount.root)) == errno.EPERM
    mount.succeed()
    os.stat(mount.point)
    assert mount.generation() == 2


def test_other_user_without_and_with_the_capability(mounts):
    """In the namespace of the mount: CAP_CHECKPOINT_RESTORE is enough."""
    mount = mounts()
    mount.kill()

    def try_with(capability):
        assert LIBC.prctl(8, 1) == 0  # PR_SET_KEEPCAPS
        os.setresuid(NOBODY, NOBODY, NOBODY)
        masks = [0] * 6
        if capability is not None:
            masks[capability // 32 * 3] = masks[capability // 32 * 3 + 1] = 1 << capability % 32
        assert LIBC.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(*masks)) == 0
        return _attempt(mount.root)

    assert _status(_in_child(try_with, None)) == errno.EPERM
    assert _status(_in_child(try_with, 12)) == errno.EPERM  # CAP_NET_ADMIN
    assert _status(_in_child(try_with, 40)) == 0
    mount.succeed()
    os.stat(mount.point)
    rawfs.wait_until(lambda: mount.generation() == 2, 'generation')
