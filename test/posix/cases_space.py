"""Holes and space: seeking, reserving, giving back, and copies between files."""

import os

from fusetest import syscalls
from scene import case, content, pattern


@case
def holes(scene):
    """They read as zeros; SEEK_DATA and SEEK_HOLE agree with what is there."""
    fd = scene.open('f', os.O_CREAT | os.O_RDWR)
    os.ftruncate(fd, 1 << 20)
    for offset in (0, 65_536, 600_000):
        os.pwrite(fd, b'data', offset)
    os.fsync(fd)
    scene.do(os.pread, fd, 100, 1000)
    for whence in (os.SEEK_DATA, os.SEEK_HOLE):
        for offset in (0, 1, 5_000, 65_536, 100_000, 600_000, 700_000, (1 << 20) - 1, 1 << 20,
                       1 << 21,
                       -1):
            scene.do(os.lseek, fd, offset, whence, what=f'{whence} from {offset}')
    scene.saw('blocks', os.fstat(fd).st_blocks)
    empty = scene.open('g', os.O_CREAT | os.O_RDWR)
    for whence in (os.SEEK_DATA, os.SEEK_HOLE):
        scene.do(os.lseek, empty, 0, whence)


@case
def seeking(scene):
    scene.file('f', b'0123456789')
    scene.folder('d')
    fd = scene.open('f', os.O_RDWR)
    for offset, whence in ((5, os.SEEK_SET), (2, os.SEEK_CUR), (-3, os.SEEK_END), (10, os.SEEK_END),
                           (-1, os.SEEK_SET), (-100, os.SEEK_CUR), (1 << 40, os.SEEK_SET),
                           (1, os.SEEK_CUR), (0, 9)):
        scene.do(os.lseek, fd, offset, whence, what=f'{offset} {whence}')
    os.pwrite(fd, b'longer now', 10)
    scene.do(os.lseek, fd, 0, os.SEEK_END)
    copy = os.dup(fd)
    scene.do(os.lseek, copy, -4, os.SEEK_CUR)
    scene.do(os.read, fd, 10)


@case
def allocating(scene):
    """fallocate(2) in all its modes: sizes, contents and space."""
    modes = {'plain': 0, 'keep': 1, 'punch': 3, 'punch alone': 2, 'zero': 16, 'zero keep': 17,
             'unknown': 0x100, 'punch and zero': 18}
    for name, mode in modes.items():
        for offset, length in ((0, 4_096), (4_096, 8_192), (100, 5_000), (15_000, 10_000),
                               (20_000, 4_096), (24_576, 4_096), (0, 0), (-1, 10), (5, -5)):
            fd = os.open('f', os.O_CREAT | os.O_RDWR | os.O_TRUNC)
            os.write(fd, pattern(20_480))
            scene.do(syscalls.fallocate, fd, mode, offset, length, what=f'{name} {offset} {length}')
            scene.do(os.fstat, fd)
            scene.saw('content', content('f'))
            os.close(fd)


@case
def shifting(scene):
    """fallocate(2) that takes a piece out or puts one in."""
    for name, mode in {'collapse': 8, 'insert': 32, 'collapse keep': 9}.items():
        for offset, length in ((0, 4_096), (4_096, 8_192), (100, 5_000), (16_384, 8_192)):
            fd = os.open('f', os.O_CREAT | os.O_RDWR | os.O_TRUNC)
            os.write(fd, pattern(20_480))
            scene.do(syscalls.fallocate, fd, mode, offset, length, what=f'{name} {offset} {length}')
            scene.saw(f'after {name} {offset} {length}', content('f'))
            os.close(fd)


@case
def allocating_what_cannot_be(scene):
    scene.folder('d')
    scene.file('f')
    os.mkfifo('p')
    for name, flags in (('f', os.O_RDONLY), ('d', os.O_RDONLY), ('p', os.O_RDWR)):
        fd = scene.open(name, flags)
        scene.do(syscalls.fallocate, fd, 0, 0, 10, what=f'fallocate {name}')
    fd = scene.open('f', os.O_WRONLY | os.O_APPEND)
    scene.do(syscalls.fallocate, fd, 0, 0, 10, what='append')
    scene.do(os.posix_fallocate, fd, 0, 100)
    scene.do(syscalls.fallocate, fd, 0, (1 << 62), 1 << 62, what='too large')
    scene.look('f')


@case
def space_is_used_and_given_back(scene):
    fd = scene.open('f', os.O_CREAT | os.O_RDWR)
    for name, change in {'written': lambda: os.pwrite(fd, pattern(65_536), 0),
                         'punched': lambda: syscalls.fallocate(fd, 3, 8_192, 16_384),
                         'reserved': lambda: syscalls.fallocate(fd, 1, 65_536, 65_536),
                         'cut': lambda: os.ftruncate(fd, 4_096),
                         'longer': lambda: os.ftruncate(fd, 1 << 20)}.items():
        scene.do(change, what=name)
        os.fsync(fd)
        scene.saw(f'blocks {name}', os.fstat(fd).st_blocks)


@case
def copying(scene):
    """copy_file_range(2): offsets, ends, overlaps, the descriptors' own positions."""
    scene.file('f', pattern(50_000))
    scene.file('g', b'target')
    source, target = scene.open('f', os.O_RDWR), scene.open('g', os.O_RDWR)
    for count, at, to in ((0, 0, 0), (10, 0, 3), (5_000, 49_000, 0), (10, 50_000, 0),
                          (10, 60_000, 0), (30_000, 1, 100_000)):
        scene.do(os.copy_file_range, source, target, count, at, to, what=f'{count} {at} {to}')
        scene.look('g')
    scene.do(os.copy_file_range, source, target, 100)
    scene.do(os.lseek, source, 0, os.SEEK_CUR)
    scene.do(os.lseek, target, 0, os.SEEK_CUR)
    scene.do(os.copy_file_range, source, source, 1_000, 0, 70_000, what='within')
    scene.do(os.copy_file_range, source, source, 1_000, 0, 500, what='overlapping')
    scene.do(os.copy_file_range, source, scene.open('g', os.O_WRONLY | os.O_APPEND), 10, 0, 0,
             what='appending')
    scene.do(os.copy_file_range, source, scene.open('g', os.O_RDONLY), 10, 0, 0, what='read-only')
    scene.do(os.copy_file_range, scene.open('f', os.O_WRONLY), target, 10, 0, 0, what='write-only')
    scene.folder('d')
    scene.do(os.copy_file_range, scene.open('d'), target, 10, 0, 0, what='folder')
    scene.saw('contents', [content('f'), content('g')])


@case
def sending(scene):
    """sendfile(2) and splice(2) out of and into files."""
    scene.file('f', pattern(200_000))
    source = scene.open('f')
    target = scene.open('g', os.O_CREAT | os.O_RDWR)
    scene.do(os.sendfile, target, source, 0, 150_000)
    reader, writer = os.pipe()
    moved = 0
    while moved < 100_000:
        step = os.splice(source, writer, 30_000, offset_src=moved)
        left = step
        while left:
            left -= os.splice(reader, target, left, offset_dst=150_000 + moved + step - left)
        moved += step
    scene.saw('content', content('g')[:250_000])
