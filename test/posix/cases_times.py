"""Times: which change moves which, and those that are set."""

import mmap
import os

from fusetest import syscalls
from scene import case

NOW, OMIT = (0, syscalls.UTIME_NOW), (0, syscalls.UTIME_OMIT)


@case
def utimes_values(scene):
    """Nanoseconds, the past before 1970, the far future; now and omitted."""
    scene.file('f')
    for seconds, nanoseconds in ((0, 0), (1, 1), (1_000_000_000, 999_999_999), (-1, 0), (-100, 5),
                                 (2**31 - 1, 0), (2**31, 7), (2**32 + 5, 0)):
        scene.do(syscalls.utimensat, 'f', (seconds, nanoseconds), (seconds + 1, nanoseconds))
        found = os.stat('f')
        scene.saw(f'{seconds}.{nanoseconds}', [found.st_atime_ns, found.st_mtime_ns])
    for nanoseconds in (1_000_000_000, -1):
        scene.do(syscalls.utimensat, 'f', (0, nanoseconds), (0, 0))
    for name, times in {'now': (NOW, NOW), 'one now': (NOW, (7, 8)), 'other now': ((7, 8), NOW),
                        'one omitted': (OMIT, (9, 9)), 'both omitted': (OMIT, OMIT)}.items():
        with scene.times(name, 'f'):
            scene.do(syscalls.utimensat, 'f', *times, what=name)


@case
def utimes_of_links(scene):
    scene.file('f')
    os.symlink('f', 'l')
    scene.do(syscalls.utimensat, 'l', (1, 2), (3, 4), syscalls.AT_SYMLINK_NOFOLLOW)
    scene.saw('link', [os.lstat('l').st_atime_ns, os.lstat('l').st_mtime_ns])
    scene.do(syscalls.utimensat, 'l', (5, 6), (7, 8))
    scene.saw('file', [os.stat('l').st_atime_ns, os.stat('l').st_mtime_ns])
    scene.do(syscalls.utimensat, 'l', (5, 6), (7, 8), 0x8000)


@case
def times_of_changes(scene):
    """Which of the three times a change moves."""
    scene.file('f', b'content')
    scene.folder('d')
    os.symlink('f', 'l')
    fd = os.open('f', os.O_RDWR)
    changes = {
        'read': lambda: os.pread(fd, 3, 0), 'read nothing': lambda: os.pread(fd, 0, 0),
        'read at end': lambda: os.pread(fd, 5, 1000),
        'write': lambda: os.pwrite(fd, b'xy', 0), 'write nothing': lambda: os.pwrite(fd, b'', 0),
        'write at end': lambda: os.pwrite(fd, b'xy', 7),
        'write a hole': lambda: os.pwrite(fd, b'x', 9000),
        'truncate': lambda: os.truncate('f', 5), 'truncate same': lambda: os.truncate('f', 5),
        'truncate longer': lambda: os.truncate('f', 50), 'ftruncate': lambda: os.ftruncate(fd, 6),
        'ftruncate same': lambda: os.ftruncate(fd, 6),
        'open trunc': lambda: os.close(os.open('f', os.O_WRONLY | os.O_TRUNC)),
        'open trunc empty': lambda: os.close(os.open('f', os.O_WRONLY | os.O_TRUNC)),
        'open': lambda: os.close(os.open('f', os.O_RDWR)),
        'chmod': lambda: os.chmod('f', 0o600), 'chmod same': lambda: os.chmod('f', 0o600),
        'chown': lambda: os.chown('f', 1, 1), 'chown same': lambda: os.chown('f', 1, 1),
        'chown nothing': lambda: os.chown('f', -1, -1),
        'link': lambda: os.link('f', 'g'), 'unlink': lambda: os.unlink('g'),
        'rename': lambda: (os.rename('f', 'g'), os.rename('g', 'f')) and None,
        'setxattr': lambda: os.setxattr('f', 'user.a', b'1'),
        'getxattr': lambda: os.getxattr('f', 'user.a'),
        'removexattr': lambda: os.removexattr('f', 'user.a'),
        'listxattr': lambda: os.listxattr('f') and None,
        'fsync': lambda: os.fsync(fd), 'stat': lambda: os.stat('f'),
        'access': lambda: os.access('f', os.R_OK),
        'fallocate': lambda: syscalls.fallocate(fd, 0, 0, 20000),
        'fallocate keep': lambda: syscalls.fallocate(fd, syscalls.KEEP_SIZE, 0, 40000),
        'punch': lambda: syscalls.fallocate(fd, syscalls.KEEP_SIZE | syscalls.PUNCH_HOLE, 0, 4096),
        'readlink': lambda: os.readlink('l'), 'listdir': lambda: os.listdir('d'),
        'chmod folder': lambda: os.chmod('d', 0o700), 'lchown': lambda: os.lchown('l', 1, 1),
    }
    for name, change in changes.items():
        with scene.times(name, 'f', 'd', 'l'):
            scene.do(change, what=name)


@case
def times_of_reading(scene):
    """The access time follows the rule of the mount below, for all ways to read."""
    with open('/proc/self/exe', 'rb') as program:
        content = program.read(20_000)
    scene.file('f', content)
    fd = os.open('f', os.O_RDONLY)
    quiet = os.open('f', os.O_RDONLY | os.O_NOATIME)
    with scene.times('read', 'f'):
        os.read(fd, 100)
    with scene.times('read without', 'f'):
        os.pread(quiet, 100, 0)
    with scene.times('copy', 'f'):
        os.copy_file_range(fd, os.open('g', os.O_CREAT | os.O_WRONLY), 100, 0)
    with scene.times('map', 'f'):
        with mmap.mmap(fd, 4096, prot=mmap.PROT_READ) as memory:
            scene.saw('mapped', bytes(memory[:4]))
    scene.folder('d')
    scene.file('d/x')
    with scene.times('listdir', 'd'):
        os.listdir('d')
