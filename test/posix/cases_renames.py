"""Renames: of and onto everything, by all flags, and of what is in use."""

import os

from fusetest import syscalls
from scene import GROUP, OWNER, attributes, case, same


@case
def rename_folders(scene):
    """Not into itself, not onto a full one; `..` follows."""
    os.makedirs('a/b/c')
    scene.do(os.rename, 'a', 'a/b/new')
    scene.do(os.rename, 'a', 'a/b')
    scene.do(os.rename, 'a', 'a/b/c')
    scene.do(os.rename, 'a/b', 'a')
    scene.do(os.rename, 'a', 'a')
    scene.do(syscalls.renameat2, 'a', 'a/b', syscalls.RENAME_EXCHANGE)
    scene.do(syscalls.renameat2, 'a/b', 'a', syscalls.RENAME_EXCHANGE)
    scene.folder('other')
    scene.do(os.rename, 'a/b', 'other/b')
    scene.saw('..', same('other/b/..', 'other'))
    scene.do(os.rename, 'other/b', 'a')
    scene.do(os.rename, 'a', 'other')
    scene.tree()


@case
def rename_keeps(scene):
    """The file itself stays what it is, open or not."""
    scene.file('a', b'content', 0o600, (OWNER, GROUP))
    before = os.stat('a')
    fd = scene.open('a', os.O_RDWR)
    scene.do(os.rename, 'a', 'b')
    after = os.stat('b')
    scene.saw('same', [before.st_ino == after.st_ino, before.st_mtime_ns == after.st_mtime_ns,
                       attributes(before) == attributes(after)])
    scene.do(os.write, fd, b'more')
    scene.do(os.rename, 'b', 'b')
    scene.file('c', b'other')
    scene.do(os.rename, 'c', 'b')
    scene.do(os.pread, fd, 20, 0)
    scene.do(os.fstat, fd)
    scene.tree()


@case
def rename_flags(scene):
    """NOREPLACE and EXCHANGE with everything on either side."""
    kinds = {'file': lambda path: scene.file(path, b'f'), 'dir': scene.folder,
             'link': lambda path: os.symlink('x', path), 'fifo': os.mkfifo}
    for one, make_one in kinds.items():
        for other, make_other in kinds.items():
            for flags in (0, syscalls.RENAME_NOREPLACE, syscalls.RENAME_EXCHANGE):
                scene.folder('t')
                make_one('t/a')
                make_other('t/b')
                scene.do(syscalls.renameat2, 't/a', 't/b', flags, what=f'{one} to {other} {flags}')
                scene.tree('t')
                os.system('rm -rf t')
    scene.file('a')
    scene.do(syscalls.renameat2, 'a', 'new', syscalls.RENAME_NOREPLACE)
    scene.do(syscalls.renameat2, 'new', 'none', syscalls.RENAME_EXCHANGE)
    scene.do(syscalls.renameat2, 'new', 'new', syscalls.RENAME_NOREPLACE)
    scene.do(syscalls.renameat2, 'new', 'new', syscalls.RENAME_EXCHANGE)


@case
def renamed_working_directory(scene):
    """One stands where one stands."""
    os.makedirs('a/b')
    scene.file('a/b/f', b'here')
    os.chdir('a/b')
    os.rename('../../a', '../../moved')
    scene.do(os.stat, 'f')
    scene.do(os.listdir, '.')
    scene.file('new')
    scene.do(os.listdir, '../../moved/b')
    scene.saw('ends with', os.getcwd()[-8:])
