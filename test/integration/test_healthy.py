"""What a mount does as long as nothing goes wrong, with reconnect off and on."""

import errno
import fcntl
import mmap
import os
import stat

import pytest

from fusetest import oracle
from fusetest.effects import RENAME_EXCHANGE, RENAME_NOREPLACE, rename2

MODES = {'single': (['-f', '-s'], []), 'multi': (['-f'], []), 'clone_fd': (['-f'], ['clone_fd']),
         'writeback': (['-f'], ['writeback'])}


@pytest.fixture(params=['off', 'on'])
def hello(request, bench):
    return bench.add('hello_ll', reattach=request.param == 'on')


@pytest.fixture(params=[(mode, reattach) for mode in MODES for reattach in (False, True)],
                ids=lambda p: f'{p[0]}-{"on" if p[1] else "off"}')
def fs(request, bench):
    args, options = MODES[request.param[0]]
    return bench.add(args=args, options=options, reattach=request.param[1])


def _errno_of(function, *args):
    try:
        function(*args)
    except OSError as error:
        return error.errno
    return 0


def test_hello_shows_one_file(hello):
    assert os.listdir(hello.mnt) == ['hello']
    info = os.stat(hello.mnt / 'hello')
    assert stat.S_ISREG(info.st_mode) and stat.S_IMODE(info.st_mode) == 0o444
    text = (hello.mnt / 'hello').read_bytes()
    assert text.lower().startswith(b'hello') and len(text) == info.st_size
    assert stat.S_ISDIR(os.stat(hello.mnt).st_mode)


def test_hello_refuses_what_it_cannot_do(hello):
    assert _errno_of(os.open, hello.mnt / 'hello', os.O_WRONLY) in (errno.EACCES, errno.EROFS)
    assert _errno_of(os.stat, hello.mnt / 'no such file') == errno.ENOENT
    assert _errno_of(os.mkdir, hello.mnt / 'dir') in (errno.ENOSYS, errno.EPERM, errno.EROFS,
                                                      errno.EACCES)


def test_reading_at_offsets(hello):
    text = (hello.mnt / 'hello').read_bytes()
    fd = os.open(hello.mnt / 'hello', os.O_RDONLY)
    try:
        assert os.pread(fd, 4, 2) == text[2:6]
        assert os.pread(fd, 100, len(text)) == b''
        assert os.pread(fd, 100, len(text) + 1000) == b''
    finally:
        os.close(fd)


def test_what_is_below_is_shown(fs):
    (fs.src / 'a/b').mkdir(parents=True)
    (fs.src / 'a/file').write_bytes(os.urandom(300_000))
    (fs.src / 'a/link').symlink_to('file')
    os.link(fs.src / 'a/file', fs.src / 'a/b/same')
    os.mkfifo(fs.src / 'fifo', 0o640)
    assert oracle.differences(fs.src, fs.mnt) == []


def test_create_write_read_truncate(fs):
    data = os.urandom(1_000_003)
    path = fs.mnt / 'file'
    path.write_bytes(data)
    assert path.read_bytes() == data
    assert (fs.src / 'file').stat().st_size == len(data)
    os.truncate(path, 1000)
    assert path.read_bytes() == data[:1000]
    with open(path, 'r+b') as file:
        file.seek(5000)
        file.write(b'end')
    assert path.read_bytes() == data[:1000] + bytes(4000) + b'end'


def test_exclusive_create_and_missing_names(fs):
    path = fs.mnt / 'file'
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    assert _errno_of(os.open, path, os.O_CREAT | os.O_EXCL | os.O_RDWR) == errno.EEXIST
    assert _errno_of(os.mkdir, path) == errno.EEXIST
    assert _errno_of(os.unlink, fs.mnt / 'none') == errno.ENOENT
    assert _errno_of(os.rmdir, path) == errno.ENOTDIR
    assert _errno_of(os.stat, path / 'below') == errno.ENOTDIR
    assert _errno_of(os.stat, fs.mnt / ('x' * 300)) == errno.ENAMETOOLONG


def test_append(fs):
    for number in range(50):
        with open(fs.mnt / 'log', 'ab', buffering=0) as file:
            file.write(b'%04d\n' % number)
    assert (fs.mnt / 'log').read_bytes() == b''.join(b'%04d\n' % n for n in range(50))


def test_directories(fs):
    os.mkdir(fs.mnt / 'dir', 0o750)
    assert stat.S_IMODE(os.stat(fs.mnt / 'dir').st_mode) == 0o750
    (fs.mnt / 'dir/file').write_text('x')
    assert _errno_of(os.rmdir, fs.mnt / 'dir') == errno.ENOTEMPTY
    os.unlink(fs.mnt / 'dir/file')
    os.rmdir(fs.mnt / 'dir')
    assert os.listdir(fs.mnt) == []


def test_large_directory(fs):
    names = sorted(f'a rather long name of an entry {number:05}' for number in range(3000))
    for name in names:
        (fs.src / name).touch()
    assert sorted(os.listdir(fs.mnt)) == names
    with os.scandir(fs.mnt) as entries:
        assert sorted(e.name for e in entries if e.is_file(follow_symlinks=False)) == names


def test_renames(fs):
    (fs.mnt / 'a').write_text('a')
    (fs.mnt / 'b').write_text('b')
    os.rename(fs.mnt / 'a', fs.mnt / 'c')
    assert _errno_of(os.stat, fs.mnt / 'a') == errno.ENOENT
    rename2(fs.mnt / 'b', fs.mnt / 'c', RENAME_EXCHANGE)
    assert (fs.mnt / 'b').read_text() == 'a' and (fs.mnt / 'c').read_text() == 'b'
    assert _errno_of(rename2, fs.mnt / 'b', fs.mnt / 'c', RENAME_NOREPLACE) == errno.EEXIST
    os.mkdir(fs.mnt / 'dir')
    os.rename(fs.mnt / 'b', fs.mnt / 'dir/b')
    os.rename(fs.mnt / 'dir', fs.mnt / 'moved')
    assert (fs.mnt / 'moved/b').read_text() == 'a'


def test_links(fs):
    (fs.mnt / 'a').write_text('a')
    os.link(fs.mnt / 'a', fs.mnt / 'b')
    os.symlink('a', fs.mnt / 's')
    first, second = os.stat(fs.mnt / 'a'), os.stat(fs.mnt / 'b')
    assert first.st_ino == second.st_ino and second.st_nlink == 2
    assert os.readlink(fs.mnt / 's') == 'a' and (fs.mnt / 's').read_text() == 'a'
    os.unlink(fs.mnt / 'a')
    assert (fs.mnt / 'b').read_text() == 'a'


def test_removed_while_open(fs):
    with open(fs.mnt / 'file', 'w+b') as file:
        file.write(b'still here')
        file.flush()
        os.unlink(fs.mnt / 'file')
        assert os.listdir(fs.mnt) == []
        assert os.pread(file.fileno(), 100, 0) == b'still here'
        assert os.fstat(file.fileno()).st_nlink == 0


def test_attributes(fs):
    path = fs.mnt / 'file'
    path.write_text('x')
    os.chmod(path, 0o604)
    os.chown(path, 1234, 5678)
    os.utime(path, ns=(1_000_000_001, 2_000_000_002))
    info = os.stat(path)
    assert (stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid) == (0o604, 1234, 5678)
    assert (info.st_atime_ns, info.st_mtime_ns) == (1_000_000_001, 2_000_000_002)
    below = os.stat(fs.src / 'file')
    assert (below.st_uid, below.st_mtime_ns) == (1234, 2_000_000_002)


def test_extended_attributes(fs):
    path = fs.mnt / 'file'
    path.write_text('x')
    try:
        os.setxattr(fs.src / 'file', 'user.try', b'')
        os.removexattr(fs.src / 'file', 'user.try')
    except OSError:
        pytest.skip('the folder below has no user attributes')
    os.setxattr(path, 'user.one', b'1' * 1000, os.XATTR_CREATE)
    assert _errno_of(os.setxattr, path, 'user.one', b'2', os.XATTR_CREATE) == errno.EEXIST
    assert os.listxattr(path) == ['user.one'] and os.getxattr(path, 'user.one') == b'1' * 1000
    os.removexattr(path, 'user.one')
    assert _errno_of(os.getxattr, path, 'user.one') == errno.ENODATA


def test_shared_mapping(fs):
    path = fs.mnt / 'file'
    path.write_bytes(bytes(8192))
    with open(path, 'r+b') as file, mmap.mmap(file.fileno(), 8192) as area:
        area[4000:4004] = b'mapd'
        area.flush()
    assert path.read_bytes()[4000:4004] == b'mapd'
    assert (fs.src / 'file').read_bytes()[4000:4004] == b'mapd'


def test_sparse_files_and_fallocate(fs):
    with open(fs.mnt / 'file', 'w+b') as file:
        os.posix_fallocate(file.fileno(), 0, 100_000)
        assert os.fstat(file.fileno()).st_size == 100_000
        os.pwrite(file.fileno(), b'x', 5_000_000)
        file.flush()
    assert (fs.mnt / 'file').stat().st_size == 5_000_001
    assert (fs.mnt / 'file').read_bytes()[100_000:] == bytes(4_900_000) + b'x'


def test_copy_file_range_and_sync(fs):
    (fs.mnt / 'a').write_bytes(os.urandom(200_000))
    with open(fs.mnt / 'a', 'rb') as source, open(fs.mnt / 'b', 'wb') as target:
        left = 200_000
        while left:
            left -= os.copy_file_range(source.fileno(), target.fileno(), left)
        os.fsync(target.fileno())
    assert (fs.mnt / 'a').read_bytes() == (fs.mnt / 'b').read_bytes()
    fd = os.open(fs.mnt, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def test_locks(fs):
    (fs.mnt / 'file').write_text('x')
    with open(fs.mnt / 'file', 'r+') as one, open(fs.mnt / 'file', 'r+') as two:
        fcntl.flock(one, fcntl.LOCK_EX)
        assert _errno_of(fcntl.flock, two, fcntl.LOCK_EX | fcntl.LOCK_NB) == errno.EAGAIN
        fcntl.flock(one, fcntl.LOCK_UN)
        fcntl.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_statfs(fs):
    below, seen = os.statvfs(fs.src), os.statvfs(fs.mnt)
    assert (seen.f_bsize, seen.f_blocks, seen.f_namemax) == (below.f_bsize, below.f_blocks,
                                                             below.f_namemax)
