"""A file system that becomes full: errors come where there is no room, and what was there stays.

The mounts' sources are on small file systems of their own; elsewhere nothing is filled up."""

import os
import time

from fusetest import syscalls
from scene import case, content, pattern

MOST_BYTES, MOST_FILES = 100 << 20, 20_000
MOST_SECONDS = 30


def _is_small():
    found = os.statvfs('.')
    return found.f_blocks * found.f_frsize < MOST_BYTES and 0 < found.f_files < MOST_FILES


def _wait_for_room():
    """A mount hears of the last close some time later."""
    end = time.monotonic() + MOST_SECONDS
    while os.statvfs('.').f_bavail == 0 and time.monotonic() < end:
        time.sleep(0.005)


@case
def full_of_data(scene):
    """Writing, appending, mapping and reserving have an end; removing makes room again."""
    if not _is_small():
        return scene.saw('left out', 'it would fill the disk')
    scene.file('there', pattern(20_000))
    fd = scene.open('f', os.O_CREAT | os.O_RDWR)
    block, written, error = b'x' * 65_536, 0, None
    while error is None:
        try:
            written += os.write(fd, block)
        except OSError as failure:
            error = failure.errno
    scene.saw('errno', error)
    scene.saw('written', os.fstat(fd).st_size == written)
    scene.saw('room', [os.statvfs('.').f_bavail, os.statvfs('.').f_bfree])
    scene.do(os.pwrite, fd, b'over', 100)
    scene.do(os.pwrite, fd, b'more', written)
    scene.do(syscalls.fallocate, fd, 0, written, 1 << 20)
    scene.do(os.ftruncate, fd, written + (1 << 20))
    scene.do(os.pread, fd, 10, 96)
    other = scene.open('g', os.O_CREAT | os.O_WRONLY)
    scene.do(os.write, other, b'nothing')
    scene.do(os.pwrite, os.open('there', os.O_RDWR), b'in place', 5)
    scene.do(os.fsync, fd)
    scene.do(os.unlink, 'f')
    os.close(fd)
    _wait_for_room()
    scene.do(os.write, other, b'now')
    scene.saw('content', [content('g'), content('there')])
    return None


@case
def full_of_names(scene):
    """No more files, folders or links; those that are there can be renamed and removed."""
    if not _is_small():
        return scene.saw('left out', 'it would use up the disk')
    made, error = 0, None
    while error is None:
        try:
            os.close(os.open(f'f{made}', os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            made += 1
        except OSError as failure:
            error = failure.errno
    scene.saw('errno', error)
    scene.saw('free', os.statvfs('.').f_ffree)
    for call, args in ((os.mkdir, ('new',)), (os.symlink, ('x', 'new')), (os.mkfifo, ('new',)),
                       (os.rename, ('f0', 'new')), (os.link, ('f1', 'newer')),
                       (os.unlink, ('f2',)), (os.mkdir, ('newest',)), (os.mkdir, ('last',))):
        scene.do(call, *args)
    scene.saw('listed', len(os.listdir('.')) - made)
    return None
