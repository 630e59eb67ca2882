"""Scripts about names: finding, making, moving, removing and forgetting them."""

import os
import stat

from fusetest import connection
from scene import AsUser, renameat2

NOREPLACE, EXCHANGE = 1, 2
USER = 65534


def lookup(s):
    s.file('f', b'abc')
    s.begin()
    return [s.look('f'), s.same_inode('f'), s.look('missing')]


def lookup_deep(s):
    s.folder('a/b/c')
    s.file('a/b/c/f', b'abc')
    s.begin()
    return [s.look('a/b/c/f'), s.same_inode('a/b/c/f')]


def forget(s):
    names = [s.file(f'f{i}', b'x') for i in range(4)]
    s.warm(*names)
    s.begin()
    return [s.do(connection.drop_unused, s.mount), s.look('f0'), s.same_inode('f0')]


def forget_tree(s):
    s.folder('a/b')
    s.file('a/b/f', b'x')
    s.warm('a', 'a/b', 'a/b/f')
    s.begin()
    return [s.do(connection.drop_unused, s.mount), s.look('a/b/f')]


def mkdir(s):
    s.begin()
    return [s.do(os.mkdir, 'd', 0o750), s.look('d'), s.same_inode('d'), s.do(os.mkdir, 'd/e'),
            s.look('.')]


def mkdir_exists(s):
    s.folder('d')
    s.begin()
    return [s.do(os.mkdir, 'd'), s.look('d')]


def mknod_file(s):
    s.begin()
    return [s.do(os.mknod, 'n', 0o640 | stat.S_IFREG), s.look('n'), s.same_inode('n')]


def mknod_fifo(s):
    s.begin()
    return [s.do(os.mknod, 'n', 0o640 | stat.S_IFIFO), s.look('n')]


def mknod_device(s):
    s.begin()
    return [s.do(os.mknod, 'n', 0o640 | stat.S_IFCHR, os.makedev(1, 3)), s.look('n')]


def symlink(s):
    s.begin()
    return [s.do(os.symlink, 'some/where', 'l'), s.do(os.readlink, 'l'), s.look('l')]


def readlink(s):
    s.symlink('t' * 200, 'l')
    s.begin()
    return [s.do(os.readlink, 'l'), s.look('l')]


def link(s):
    s.file('f', b'abc')
    s.folder('d')
    s.begin()
    return [s.do(os.link, 'f', 'd/g'), s.look('f'), s.look('d/g'), s.same_inode('d/g')]


def link_exists(s):
    s.file('f', b'abc')
    s.file('g', b'other')
    s.begin()
    return [s.do(os.link, 'f', 'g'), s.look('f'), s.look('g')]


def unlink(s):
    s.file('f', b'abc')
    s.begin()
    return [s.do(os.unlink, 'f'), s.look('f')]


def unlink_of_two(s):
    s.file('f', b'abc')
    os.link(s.behind / 'f', s.behind / 'g')
    s.warm('f', 'g')
    s.begin()
    return [s.do(os.unlink, 'f'), s.look('f'), s.look('g')]


def unlink_missing(s):
    s.begin()
    return [s.do(os.unlink, 'f'), s.look('f')]


def remake(s):
    """A name removed and made again: the second file is not the first."""
    s.file('f', b'abc')
    s.warm('f')
    s.begin()
    made = [s.do(os.unlink, 'f'), s.do(os.mknod, 'f', 0o600 | stat.S_IFREG)]
    return made + [s.look('f'), s.same_inode('f')]


def rmdir(s):
    s.folder('d')
    s.begin()
    return [s.do(os.rmdir, 'd'), s.look('d'), s.look('.')]


def rmdir_full(s):
    s.folder('d/e')
    s.begin()
    return [s.do(os.rmdir, 'd'), s.look('d/e')]


def rename(s):
    s.file('f', b'abc')
    s.folder('d')
    s.begin()
    return [s.do(os.rename, 'f', 'd/g'), s.look('f'), s.look('d/g'), s.same_inode('d/g')]


def rename_over(s):
    s.file('f', b'abc')
    s.file('g', b'target')
    s.warm('f', 'g')
    s.begin()
    return [s.do(os.rename, 'f', 'g'), s.look('f'), s.look('g'), s.same_inode('g')]


def rename_same(s):
    """Two names of one file: nothing happens."""
    s.file('f', b'abc')
    os.link(s.behind / 'f', s.behind / 'g')
    s.begin()
    return [s.do(os.rename, 'f', 'g'), s.look('f'), s.look('g')]


def rename_folder(s):
    s.folder('d')
    s.folder('e')
    s.file('d/f', b'abc')
    s.warm('d', 'd/f', 'e')
    fd = s.open('d/f')
    s.begin()
    return [s.do(os.rename, 'd', 'e/d'), s.look('d'), s.look('e/d/f'), s.do(os.write, fd, b'XY'),
            s.look('e/d/f')]


def rename_noreplace(s):
    s.file('f', b'abc')
    s.begin()
    return [s.do(renameat2, 'f', 'g', NOREPLACE), s.look('f'), s.look('g')]


def rename_noreplace_exists(s):
    s.file('f', b'abc')
    s.file('g', b'other')
    s.begin()
    return [s.do(renameat2, 'f', 'g', NOREPLACE), s.look('f'), s.look('g')]


def rename_exchange(s):
    s.file('f', b'abc')
    s.folder('g')
    s.begin()
    return [s.do(renameat2, 'f', 'g', EXCHANGE), s.look('f'), s.look('g'), s.same_inode('f'),
            s.same_inode('g')]


def _as_user(s, function, *args):
    os.chown(s.behind, USER, USER)
    s.begin()
    with AsUser(USER):
        return s.do(function, *args)


def user_mkdir(s):
    return [_as_user(s, os.mkdir, 'd', 0), s.look('d')]


def user_mknod(s):
    return [_as_user(s, os.mknod, 'n', stat.S_IFREG), s.look('n')]


def user_symlink(s):
    return [_as_user(s, os.symlink, 'x', 'l'), s.look('l')]


def _user_create(s, flags):
    fd = _as_user(s, os.open, 'f', flags | os.O_RDWR, 0)
    if isinstance(fd, int):
        written = s.do(os.write, fd, b'mine')
        os.close(fd)
        fd = 'opened'
        return [fd, written, s.look('f')]
    return [fd, s.look('f')]


def user_create(s):
    return _user_create(s, os.O_CREAT)


def user_create_excl(s):
    return _user_create(s, os.O_CREAT | os.O_EXCL)


SCRIPTS = [lookup, lookup_deep, forget, forget_tree, mkdir, mkdir_exists, mknod_file, mknod_fifo,
           mknod_device, symlink, readlink, link, link_exists, unlink, unlink_of_two,
           unlink_missing, remake, rmdir, rmdir_full, rename, rename_over, rename_same,
           rename_folder, rename_noreplace, rename_noreplace_exists, rename_exchange]
USER_SCRIPTS = [user_mkdir, user_mknod, user_symlink, user_create, user_create_excl]
