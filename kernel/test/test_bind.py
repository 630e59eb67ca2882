"""FUSE_DEV_IOC_BM_REVAL: what no path walk looks up again after a server that kept nothing."""

import ctypes
import errno
import fcntl
import os

import pytest

import rawfs
from rawfs import LIBC, LOOKUP, STALE_OBJECTS, SUCCESSOR, UNKNOWN, Settings

MS_BIND, MNT_DETACH = 4096, 2


class Bound:
    """A mount of which d and f1 are bound elsewhere, and whose own root is not mounted any more."""

    def __init__(self, mount, folder):
        self.mount, self.folder, self.file = mount, folder / 'folder', folder / 'file'
        self.folder.mkdir()
        self.file.touch()
        (mount.point / 'd/g0').write_bytes(b'zero')
        (mount.point / 'f1').write_bytes(b'one')
        for source, target in (('d', self.folder), ('f1', self.file)):
            if LIBC.mount(bytes(mount.point / source), bytes(target), None, MS_BIND, None) != 0:
                raise OSError(ctypes.get_errno(), 'bind')
        mount.unmount()
        mount.point = self.folder
        mount.root = os.open(mount.point, os.O_PATH)  # what a successor names the mount by

    def end(self):
        LIBC.umount2(bytes(self.file), MNT_DETACH)


@pytest.fixture(name='bound')
def _bound(mounts, tmp_path):
    made = Bound(mounts(Settings(SUCCESSOR, strict=True)), tmp_path)
    yield made
    made.end()


@pytest.fixture(name='shift', params=[0, 1, 7], ids=['same-ids', 'next-ids', 'other-ids'])
def _shift(request):
    return request.param


def _fresh(shift, **more):
    return Settings(SUCCESSOR | STALE_OBJECTS, strict=True, shift=shift, **more)


def _attach_fresh(mount, settings):
    """A successor that kept nothing; (its device, its pid)."""
    mount.kill()
    generation = mount.generation()
    device = os.open('/dev/fuse', os.O_RDWR)
    rawfs.attach(device, mount.root, generation)
    pid = mount.fork(device, settings)
    mount.wait_generation(generation + 1)
    return device, pid


def _estale(function, *args):
    with pytest.raises(OSError) as caught:
        function(*args)
    assert caught.value.errno == errno.ESTALE, caught.value


def test_bind_mounts_whose_root_is_not_mounted(bound, shift):
    device, pid = _attach_fresh(bound.mount, _fresh(shift))
    _estale((bound.folder / 'g0').read_bytes)
    _estale(bound.file.read_bytes)
    assert fcntl.ioctl(device, rawfs.IOC_BM_REVAL) == 0
    assert (bound.folder / 'g0').read_bytes() == b'zero' and bound.file.read_bytes() == b'one'
    bound.file.write_bytes(b'more')
    assert bound.mount.store.data[rawfs.FILE_SIZE:rawfs.FILE_SIZE + 4] == b'more'
    assert UNKNOWN not in bound.mount.store.sent_to(pid)
    lookups = bound.mount.store.sent_to(pid).count(LOOKUP)
    assert fcntl.ioctl(device, rawfs.IOC_BM_REVAL) == 0
    assert bound.mount.store.sent_to(pid).count(LOOKUP) == lookups, 'nothing is stale any more'
    os.close(device)


def test_names_count_and_not_inode_numbers(bound, shift):
    device, _ = _attach_fresh(bound.mount, _fresh(shift, other_files=True))
    assert fcntl.ioctl(device, rawfs.IOC_BM_REVAL) == 0
    assert (bound.folder / 'g0').read_bytes() == b'zero' and bound.file.read_bytes() == b'one'
    os.close(device)


def test_name_that_is_gone_stays_stale(bound):
    device, _ = _attach_fresh(bound.mount, _fresh(1, missing='f1'))
    assert fcntl.ioctl(device, rawfs.IOC_BM_REVAL) == 1
    _estale(bound.file.read_bytes)
    assert (bound.folder / 'g0').read_bytes() == b'zero'
    os.close(device)


def test_several_servers_one_after_the_other(bound):
    for shift in (1, 0, 5):
        device, _ = _attach_fresh(bound.mount, _fresh(shift))
        assert fcntl.ioctl(device, rawfs.IOC_BM_REVAL) == 0
        assert (bound.folder / 'g0').read_bytes() == b'zero' and bound.file.read_bytes() == b'one'
        os.close(device)


def test_name_that_was_looked_up_elsewhere_before(mounts, tmp_path):
    """The name leads to an inode of its own by then; what is bound becomes a second one of the same node."""
    mount = mounts(Settings(SUCCESSOR, strict=True))
    target = tmp_path / 'file'
    target.touch()
    (mount.point / 'f1').write_bytes(b'one')
    assert LIBC.mount(bytes(mount.point / 'f1'), bytes(target), None, MS_BIND, None) == 0
    device, pid = _attach_fresh(mount, _fresh(3, other_files=True))
    try:
        assert (mount.point / 'f1').read_bytes() == b'one'
        _estale(target.read_bytes)
        assert fcntl.ioctl(device, rawfs.IOC_BM_REVAL) == 0
        assert target.read_bytes() == b'one'
        target.write_bytes(b'two')
        assert (mount.point / 'f1').read_bytes() == b'two'
        assert UNKNOWN not in mount.store.sent_to(pid)
    finally:
        LIBC.umount2(bytes(target), MNT_DETACH)
        os.close(device)


def test_working_directory(mounts, shift):
    mount = mounts(Settings(SUCCESSOR, strict=True))
    before = os.getcwd()
    os.chdir(mount.point / 'd')
    try:
        device, _ = _attach_fresh(mount, _fresh(shift))
        _estale(os.stat, 'g1')
        assert fcntl.ioctl(device, rawfs.IOC_BM_REVAL) == 0
        os.stat('g1')
        os.close(device)
    finally:
        os.chdir(before)


def test_only_for_the_server_of_the_mount(mounts):
    mount = mounts()
    device = os.open('/dev/fuse', os.O_RDWR)
    with pytest.raises(OSError) as caught:
        fcntl.ioctl(device, rawfs.IOC_BM_REVAL)
    assert caught.value.errno == errno.EPERM
    mount.kill()
    rawfs.attach(device, mount.root, 1)
    mount.succeed(1, flags=rawfs.ATTACH_FORCE)
    with pytest.raises(OSError) as caught:
        fcntl.ioctl(device, rawfs.IOC_BM_REVAL)
    assert caught.value.errno == errno.ENODEV
    os.close(device)
