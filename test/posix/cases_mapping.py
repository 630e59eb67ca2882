"""Mapped files, and those that are read and written past the page cache."""

import mmap
import os

from scene import case, content, pattern

BLOCK = 4096


@case
def mapping_shared(scene):
    """What is written through a mapping is read everywhere, and the other way round."""
    scene.file('f', pattern(3 * BLOCK))
    fd = scene.open('f', os.O_RDWR)
    with mmap.mmap(fd, 3 * BLOCK) as memory:
        memory[5:9] = b'MAPS'
        scene.do(os.pread, fd, 10, 0)
        os.pwrite(fd, b'PWRITE', BLOCK)
        scene.saw('memory', bytes(memory[BLOCK:BLOCK + 8]))
        memory.flush()
        memory[2 * BLOCK:2 * BLOCK + 3] = b'end'
    scene.saw('content', content('f'))
    with mmap.mmap(fd, 0) as memory:
        memory[1:3] = b'zz'
        os.close(fd)
        scene.saw('content', content('f'))
    scene.tree()


@case
def mapping_private(scene):
    scene.file('f', pattern(BLOCK))
    fd = scene.open('f')
    with mmap.mmap(fd, BLOCK, flags=mmap.MAP_PRIVATE,
                   prot=mmap.PROT_READ | mmap.PROT_WRITE) as memory:
        memory[0:4] = b'mine'
        scene.saw('memory', bytes(memory[:8]))
    scene.saw('content', content('f'))
    scene.do(lambda: mmap.mmap(fd, BLOCK, prot=mmap.PROT_WRITE).close(),
             what='write a read-only file')


@case
def mapping_beyond_the_end(scene):
    """To the end of its page it is zeros, and is not written; behind that is nothing."""
    scene.file('f', b'short')
    fd = scene.open('f', os.O_RDWR)
    with mmap.mmap(fd, 5) as memory:
        memory[0:2] = b'SH'
    scene.saw('content', content('f'))
    scene.child(lambda: _touch(scene, fd))
    scene.do(os.ftruncate, fd, 2 * BLOCK)
    scene.saw('content', content('f'))


def _touch(scene, fd):
    os.ftruncate(fd, BLOCK * 2)
    memory = mmap.mmap(fd, BLOCK * 2)
    os.ftruncate(fd, 5)
    scene.saw('inside', memory[3])
    scene.saw('same page', memory[100])
    scene.saw('behind', memory[BLOCK + 1])  # ends this process


@case
def mapping_survives_removal(scene):
    scene.file('f', pattern(BLOCK))
    fd = scene.open('f', os.O_RDWR)
    memory = mmap.mmap(fd, BLOCK)
    os.unlink('f')
    os.close(fd)
    memory[0:5] = b'still'
    memory.flush()
    scene.saw('memory', bytes(memory[:10]))
    memory.close()


@case
def direct_io(scene):
    """Past the page cache, together with those who use it."""
    fd = scene.open('f', os.O_CREAT | os.O_RDWR | os.O_DIRECT)
    cached = scene.open('f', os.O_RDWR)
    if fd is None:
        return
    memory = mmap.mmap(-1, 4 * BLOCK)
    memory[:] = pattern(4 * BLOCK)
    scene.do(os.writev, fd, [memory])
    scene.do(os.pread, cached, 4 * BLOCK, 0)
    scene.do(os.pwrite, cached, b'cached', BLOCK)
    scene.do(os.preadv, fd, [memory], 0)
    scene.saw('memory', bytes(memory))
    memory[:6] = b'direct'
    scene.do(os.pwritev, fd, [memory], 0)
    scene.do(os.pread, cached, 10, 0)
    scene.do(os.preadv, fd, [memory], 3 * BLOCK)
