"""Scripts about open files and folders, data, attributes and extended attributes."""

import errno
import fcntl
import mmap
import os
import signal
import struct

from fusetest import procs
from scene import ask_attributes, fallocate

KEEP_SIZE, PUNCH_HOLE = 1, 2
HIDDEN = '.fuse_hidden'
F_OFD_SETLK, F_OFD_SETLKW = 37, 38
PATTERN = bytes(range(251))


def _bytes(size):
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


def _create(s, flags, mode=0o644):
    s.begin()
    fd = s.made(flags, 'f', mode)
    opened = isinstance(fd, int)
    results = ['opened' if opened else fd]
    if opened:
        results += [s.do(os.write, fd, b'new'), s.do(os.pread, fd, 10, 0)]
    return results + [s.close(fd), s.look('f'), s.same_inode('f')]


def create(s):
    return _create(s, os.O_CREAT | os.O_RDWR, 0o600)


def create_excl(s):
    return _create(s, os.O_CREAT | os.O_EXCL | os.O_RDWR)


def create_excl_exists(s):
    s.file('f', b'there')
    return _create(s, os.O_CREAT | os.O_EXCL | os.O_RDWR)


def create_exists(s):
    s.file('f', b'there')
    return _create(s, os.O_CREAT | os.O_RDWR)


def create_trunc(s):
    s.file('f', b'a longer content')
    return _create(s, os.O_CREAT | os.O_TRUNC | os.O_RDWR)


def create_readonly(s):
    """A mode that does not allow what the descriptor does."""
    return _create(s, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o400)


def create_append(s):
    s.begin()
    fd = s.made(os.O_CREAT | os.O_WRONLY | os.O_APPEND, 'f')
    return [s.do(os.write, fd, b'one'), s.do(os.write, fd, b'two'), s.close(fd), s.look('f')]


def open_file(s):
    s.file('f', b'abc')
    s.begin()
    fd = s.made(os.O_RDONLY, 'f')
    return [s.do(os.read, fd, 10), s.do(os.read, fd, 10), s.close(fd)]


def open_trunc(s):
    s.file('f', b'a longer content')
    s.begin()
    fd = s.made(os.O_WRONLY | os.O_TRUNC, 'f')
    return [s.do(os.write, fd, b'new'), s.close(fd), s.look('f')]


def read(s):
    content = _bytes(200_000)
    fd = s.open(s.file('f', content))
    s.begin()
    got = [s.do(os.pread, fd, 70_000, offset) for offset in (0, 100_000, 190_000, 300_000)]
    return [got == [content[:70_000], content[100_000:170_000], content[190_000:], b'']]


def write(s):
    fd = s.open(s.file('f', _bytes(5000)))
    s.begin()
    return [s.do(os.pwrite, fd, b'W' * 10_000, 2500), s.do(os.pwrite, fd, b'tail', 20_000),
            s.do(os.pread, fd, 6, 2497), s.look('f')]


def write_large(s):
    fd = s.open(s.file('f'))
    s.begin()
    return [s.do(os.write, fd, _bytes(400_000)), s.do(os.write, fd, b'end'), s.look('f')]


def write_append(s):
    fd = s.open(s.file('f', b'begin '), os.O_WRONLY | os.O_APPEND)
    s.begin()
    return [s.do(os.write, fd, b'one '), s.do(os.write, fd, b'two ' * 2000), s.look('f')]


def write_append_direct(s):
    """Past the page cache."""
    fd = s.open(s.file('f', b'b' * 4096), os.O_WRONLY | os.O_APPEND | os.O_DIRECT)
    page = mmap.mmap(-1, 8192)
    page.write(b'd' * 8192)
    s.begin()
    return [s.do(os.write, fd, page), s.do(os.write, fd, page), s.look('f')]


def write_mapped(s):
    fd = s.open(s.file('f', _bytes(20_000)))
    s.begin()
    with mmap.mmap(fd, 20_000) as view:
        view[5000:5005] = b'hello'
        view.flush()
        return [view[4999:5006], s.do(os.fsync, fd), s.look('f')]


def interrupted(s):
    """Signals come all the time, so the kernel sends INTERRUPT for what is under way."""
    fd = s.open(s.file('f', b'begin '), os.O_RDWR | os.O_APPEND)
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    s.begin()
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        return [s.do(os.mkdir, 'd'), s.do(os.write, fd, b'one'), s.do(os.rename, 'f', 'd/g'),
                s.do(os.pread, fd, 20, 0), s.look('d/g')]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def release(s):
    fd = s.open(s.file('f', b'abc'))
    s.begin()
    return [s.close(fd), s.look('f')]


def release_written(s):
    fd = s.open(s.file('f', b'abc'))
    other = s.open('f', os.O_RDONLY)
    os.write(fd, b'XY')
    s.begin()
    return [s.close(fd), s.do(os.read, other, 10), s.close(other), s.look('f')]


def fsync(s):
    fd = s.open(s.file('f', b'abc'))
    os.write(fd, b'XY')
    folder = s.open('.', os.O_RDONLY | os.O_DIRECTORY)
    s.begin()
    return [s.do(os.fsync, fd), s.do(os.fdatasync, fd), s.do(os.fsync, folder)]


def readdir(s):
    for i in range(20):
        s.file(f'd{i}', b'x')
    s.begin()
    return [sorted(s.do(os.listdir, '.')), s.look('d7')]


def readdir_long(s):
    """More entries than one reply holds."""
    for i in range(30):
        s.file(f'{i:03}{"n" * 200}')
    s.begin()
    return [sorted(s.do(os.listdir, '.'))]


def readdir_open(s):
    """A folder that was open before, read after."""
    for i in range(5):
        s.file(f'd{i}')
    fd = s.open('.', os.O_RDONLY | os.O_DIRECTORY)
    s.begin()
    return [sorted(s.do(os.listdir, fd)), s.close(fd)]


def getattr_open(s):
    fd = s.open(s.file('f', b'abc'))
    s.begin()
    return [s.do(ask_attributes, fd)]


def chmod(s):
    s.file('f')
    s.begin()
    return [s.do(os.chmod, 'f', 0o4711), s.look('f')]


def chown(s):
    s.file('f')
    s.begin()
    return [s.do(os.chown, 'f', 12, 34), s.look('f')]


def truncate(s):
    s.file('f', b'a longer content')
    s.begin()
    return [s.do(os.truncate, 'f', 3), s.do(os.truncate, 'f', 9000), s.look('f')]


def ftruncate(s):
    fd = s.open(s.file('f', b'a longer content'))
    s.begin()
    return [s.do(os.ftruncate, fd, 3), s.do(os.ftruncate, fd, 9000), s.look('f')]


def utime(s):
    s.file('f')
    s.begin()
    done = s.do(os.utime, 'f', ns=(10**18 + 7, 10**18 + 9))
    return [done, s.do(lambda: os.stat('f').st_mtime_ns)]


def setxattr(s):
    s.file('f')
    s.begin()
    return [s.do(os.setxattr, 'f', 'user.a', b'one'), s.do(os.setxattr, 'f', 'user.a', b'two'),
            s.do(os.getxattr, 'f', 'user.a'), s.do(os.listxattr, 'f')]


def setxattr_create(s):
    s.file('f')
    s.begin()
    return [s.do(os.setxattr, 'f', 'user.a', b'one', os.XATTR_CREATE),
            s.do(os.setxattr, 'f', 'user.a', b'two', os.XATTR_CREATE),
            s.do(os.getxattr, 'f', 'user.a')]


def setxattr_replace(s):
    s.file('f')
    os.setxattr(s.behind / 'f', 'user.a', b'one')
    s.begin()
    return [s.do(os.setxattr, 'f', 'user.a', b'two', os.XATTR_REPLACE),
            s.do(os.setxattr, 'f', 'user.b', b'two', os.XATTR_REPLACE),
            s.do(os.listxattr, 'f')]


def removexattr(s):
    s.file('f')
    os.setxattr(s.behind / 'f', 'user.a', b'one')
    s.begin()
    return [s.do(os.removexattr, 'f', 'user.a'), s.do(os.getxattr, 'f', 'user.a')]


def removexattr_missing(s):
    """It was not there, which nothing that is left says."""
    s.file('f')
    s.begin()
    return [s.do(os.removexattr, 'f', 'user.a'), s.do(os.listxattr, 'f')]


def setxattr_create_same(s):
    """It was there, with the wanted value."""
    s.file('f')
    os.setxattr(s.behind / 'f', 'user.a', b'one')
    s.begin()
    return [s.do(os.setxattr, 'f', 'user.a', b'one', os.XATTR_CREATE)]


def fallocate_plain(s):
    fd = s.open(s.file('f', b'abc'))
    s.begin()
    return [s.do(fallocate, fd, 0, 1000, 20_000), s.look('f')]


def fallocate_punch(s):
    fd = s.open(s.file('f', _bytes(20_000)))
    s.begin()
    return [s.do(fallocate, fd, KEEP_SIZE | PUNCH_HOLE, 1000, 8000),
            s.do(fallocate, fd, KEEP_SIZE, 30_000, 8000), s.look('f')]


def copy_file_range(s):
    source, target = s.open(s.file('f', _bytes(50_000))), s.open(s.file('g', b'begin'))
    s.begin()
    return [s.do(os.copy_file_range, source, target, 30_000, 100, 5), s.look('g')]


def copy_within_file(s):
    fd = s.open(s.file('f', _bytes(50_000)))
    s.begin()
    return [s.do(os.copy_file_range, fd, fd, 10_000, 0, 60_000), s.look('f')]


def lseek(s):
    fd = s.open(s.file('f'))
    os.ftruncate(fd, 1 << 20)
    os.pwrite(fd, b'data', 1 << 19)
    s.begin()
    return [s.do(os.lseek, fd, 0, os.SEEK_DATA), s.do(os.lseek, fd, 1 << 19, os.SEEK_HOLE)]


def statfs(s):
    s.begin()
    return [s.do(lambda: os.statvfs('.').f_namemax)]


def access(s):
    s.file('f', mode=0o400)
    s.begin()
    return [s.do(os.access, 'f', os.R_OK), s.do(os.access, 'f', os.X_OK),
            s.do(os.access, 'missing', os.F_OK)]


def _locked(s, lock):
    """A lock taken before keeps others out after, too; one that is given up lets them in."""
    s.file('f', b'abc')
    mine, others = s.open('f'), s.open('f')
    lock(mine, fcntl.LOCK_EX)
    s.begin()
    return [s.do(lock, others, fcntl.LOCK_EX | fcntl.LOCK_NB), s.do(lock, mine, fcntl.LOCK_UN),
            s.do(lock, others, fcntl.LOCK_EX | fcntl.LOCK_NB),
            s.do(lock, mine, fcntl.LOCK_EX | fcntl.LOCK_NB)]


def flock(s):
    return _locked(s, fcntl.flock)


def lock_range(s):
    """Locks of open files, so that one process can be two."""
    return _locked(s, _lock_range)


def lock_words(kind, start, length):
    """As fcntl(2) takes them."""
    return struct.pack('hhqqi4x', kind, os.SEEK_SET, start, length, 0)


def _lock_range(fd, how, start=0, length=0):
    kind = (fcntl.F_UNLCK if how & fcntl.LOCK_UN else
            fcntl.F_RDLCK if how & fcntl.LOCK_SH else fcntl.F_WRLCK)
    command = F_OFD_SETLK if how & fcntl.LOCK_NB else F_OFD_SETLKW
    fcntl.fcntl(fd, command, lock_words(kind, start, length))


def lock_parts(s):
    """Of a range that is split, made a shared one and joined."""
    s.file('f', b'abc')
    mine, others = s.open('f'), s.open('f')
    nowait = fcntl.LOCK_NB
    s.begin()
    return [s.do(_lock_range, mine, fcntl.LOCK_EX, 0, 100),
            s.do(_lock_range, mine, fcntl.LOCK_UN, 40, 20),
            s.do(_lock_range, others, fcntl.LOCK_EX, 45, 5),
            s.do(_lock_range, others, fcntl.LOCK_EX | nowait, 39, 2),
            s.do(_lock_range, mine, fcntl.LOCK_SH, 0, 10),
            s.do(_lock_range, others, fcntl.LOCK_SH | nowait, 5, 5),
            s.do(_lock_range, others, fcntl.LOCK_SH | nowait, 5, 10),
            s.do(_lock_range, mine, fcntl.LOCK_EX | nowait, 0, 10),
            s.close(others), s.do(_lock_range, mine, fcntl.LOCK_UN)]


def lock_closed(s):
    """A process's lock goes with any close of the file, that of a descriptor with its last one."""
    s.file('f', b'abc')
    s.begin()
    mine, others = s.made(os.O_RDWR, 'f'), s.made(os.O_RDWR, 'f')
    results = [s.do(fcntl.flock, mine, fcntl.LOCK_EX), s.do(fcntl.lockf, mine, fcntl.LOCK_EX),
               s.do(fcntl.flock, others, fcntl.LOCK_EX | fcntl.LOCK_NB), s.close(mine),
               s.do(fcntl.flock, others, fcntl.LOCK_EX),
               s.do(_lock_range, others, fcntl.LOCK_EX | fcntl.LOCK_NB)]
    return results + [s.close(others)]


def lock_interrupted(s):
    """Who waits for a lock gives up: then he has none, and did not wait for nothing."""
    def give_up(*_):
        raise InterruptedError(errno.EINTR, 'a signal')

    s.file('f', b'abc')
    mine, others = s.open('f'), s.open('f')
    before = signal.signal(signal.SIGALRM, give_up)
    _lock_range(others, fcntl.LOCK_EX)
    s.begin()
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        results = [s.do(_lock_range, mine, fcntl.LOCK_EX)]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return results + [s.do(_lock_range, others, fcntl.LOCK_UN),
                      s.do(_lock_range, others, fcntl.LOCK_EX | fcntl.LOCK_NB)]


def new_file(s):
    """What programs do to replace a file safely, start to end."""
    s.file('f', b'old')
    s.begin()
    fd = s.made(os.O_CREAT | os.O_EXCL | os.O_WRONLY, 'f.new', 0o600)
    results = [s.do(os.write, fd, b'new content'), s.do(os.fchmod, fd, 0o644), s.do(os.fsync, fd),
               s.close(fd), s.do(os.rename, 'f.new', 'f')]
    fd = s.made(os.O_RDONLY, 'f')
    return results + [s.do(os.read, fd, 100), s.close(fd), s.look('f'), s.look('f.new')]


def _names(s):
    """A hidden one has another number each time."""
    return sorted(name[:len(HIDDEN)] if name.startswith(HIDDEN) else name
                  for name in s.do(os.listdir, '.'))


def _closed_later(s, fd):
    """What is open goes on, and leaves nothing. The kernel does not wait for the RELEASE."""
    results = [s.do(os.pwrite, fd, b'XY', 1), s.do(os.pread, fd, 4, 0), _names(s), s.close(fd)]
    procs.wait_until(lambda: not any(HIDDEN in name for name in os.listdir(s.behind)), 10, 0.001)
    return results + [_names(s)]


def unlink_open(s):
    fd = s.open(s.file('f', b'abcd'))
    s.begin()
    return [s.do(os.unlink, 'f'), s.look('f'), *_closed_later(s, fd)]


def rename_over_open(s):
    fd = s.open(s.file('f', b'abcd'))
    s.file('g', b'other')
    s.warm('g')
    s.begin()
    return [s.do(os.rename, 'g', 'f'), s.look('f'), *_closed_later(s, fd)]


SCRIPTS = [create, create_excl, create_excl_exists, create_exists, create_trunc, create_readonly,
           create_append, open_file, open_trunc, read, write, write_large, write_append,
           write_append_direct, write_mapped, interrupted, release, release_written, fsync, readdir,
           readdir_long, readdir_open, getattr_open, chmod, chown, truncate, ftruncate, utime,
           setxattr, setxattr_create, setxattr_create_same, setxattr_replace, removexattr,
           removexattr_missing, fallocate_plain, fallocate_punch, copy_file_range, copy_within_file, lseek, statfs,
           access, new_file]
LOCK_SCRIPTS = [flock, lock_range, lock_parts, lock_closed, lock_interrupted]
HIDING = [unlink_open, rename_over_open]
