"""Hard links, removed files and folders: what is left of them, and who still has them."""

import os
import socket

from fusetest import syscalls
from scene import GROUP, OWNER, case, same


@case
def link_counts(scene):
    """Of a file over links, renames onto each other, and removals."""
    scene.file('a', b'x')
    for name in ('b', 'c', 'd'):
        scene.do(os.link, 'a', name)
    scene.look('a')
    scene.saw('same', [same('a', name) for name in 'bcd'])
    scene.do(os.rename, 'a', 'b')  # two names of one file: nothing happens
    scene.saw('still there', sorted(os.listdir('.')))
    scene.do(os.unlink, 'c')
    scene.look('a')
    scene.file('e', b'y')
    scene.do(os.rename, 'e', 'a')
    scene.look('b')
    scene.do(os.unlink, 'd')
    scene.look('b')
    scene.tree()


@case
def link_many(scene):
    scene.file('a', b'x')
    for i in range(200):
        os.link('a', f'l{i}')
    scene.look('a')
    for i in range(0, 200, 2):
        os.unlink(f'l{i}')
    scene.look('l1')


@case
def link_count_of_folders(scene):
    """Two, and one more for each folder in it."""
    scene.folder('a')
    scene.look('a')
    for i in range(3):
        scene.folder(f'a/{i}')
    scene.file('a/file')
    scene.look('a')
    scene.folder('b')
    scene.do(os.rename, 'a/0', 'b/0')
    scene.look('a')
    scene.look('b')
    scene.do(os.rmdir, 'a/1')
    scene.look('a')
    scene.do(os.rename, 'b/0', 'a/2')
    scene.look('a')
    scene.look('b')
    scene.file('b/f')
    scene.do(syscalls.renameat2, 'b/f', 'a/2', syscalls.RENAME_EXCHANGE)
    scene.look('a')
    scene.look('b')


@case
def link_to_links_and_others(scene):
    """Everything but a folder can have several names."""
    os.symlink('nowhere', 'link')
    os.mkfifo('fifo')
    with socket.socket(socket.AF_UNIX) as server:
        server.bind('socket')
    scene.do(os.link, 'link', 'link2', follow_symlinks=False)
    scene.do(os.link, 'link', 'link3', follow_symlinks=True)
    for name in ('fifo', 'socket'):
        scene.do(os.link, name, f'{name}2')
    scene.tree()


@case
def link_of_open_files(scene):
    """By descriptor; not once its last name is gone, unless it never had one."""
    fd = scene.open('named', os.O_RDWR | os.O_CREAT)
    scene.do(os.link, f'/proc/self/fd/{fd}', 'again', follow_symlinks=True)
    os.unlink('named')
    scene.do(os.unlink, 'again')
    scene.do(os.link, f'/proc/self/fd/{fd}', 'late', follow_symlinks=True,
             what='link a removed one')
    nameless = scene.open('.', os.O_RDWR | os.O_TMPFILE, 0o640)
    if nameless is None:
        return
    scene.do(os.write, nameless, b'nameless')
    scene.do(os.fstat, nameless)
    scene.do(os.link, f'/proc/self/fd/{nameless}', 'found', follow_symlinks=True)
    scene.do(os.fstat, nameless)
    never = scene.open('.', os.O_RDWR | os.O_TMPFILE | os.O_EXCL)
    scene.do(os.link, f'/proc/self/fd/{never}', 'never', follow_symlinks=True)
    scene.tree()


@case
def removed_while_open(scene):
    """A file without a name can do everything but be found."""
    scene.file('f', b'content')
    fd = scene.open('f', os.O_RDWR)
    scene.do(os.unlink, 'f')
    scene.do(os.stat, 'f')
    scene.do(os.fstat, fd)
    scene.do(os.write, fd, b'CON')
    scene.do(os.pread, fd, 20, 0)
    scene.do(os.ftruncate, fd, 100)
    scene.do(os.fchmod, fd, 0o600)
    scene.do(os.fchown, fd, OWNER, GROUP)
    scene.do(os.setxattr, fd, 'user.a', b'v')
    scene.do(os.getxattr, fd, 'user.a')
    scene.do(os.utime, fd, (3, 4))
    scene.do(os.fsync, fd)
    scene.do(os.fstat, fd)
    again = scene.open(f'/proc/self/fd/{fd}', os.O_RDONLY)
    scene.do(os.read, again, 5)
    scene.file('f', b'a new one')
    scene.do(os.pread, fd, 5, 0)
    os.close(fd)
    scene.do(os.read, again, 5)
    scene.tree()


@case
def removed_folders_that_are_open(scene):
    """Nothing can be made in a folder that is gone."""
    scene.folder('d')
    fd = scene.open('d', os.O_RDONLY | os.O_DIRECTORY)
    os.chdir('d')
    scene.do(os.rmdir, '../d')
    scene.do(os.fstat, fd)
    scene.do(os.listdir, fd)
    scene.open('new', os.O_CREAT | os.O_WRONLY)
    scene.do(os.mkdir, 'new')
    scene.do(os.symlink, 'x', 'new')
    scene.do(os.stat, '.')
    scene.do(os.stat, 'missing')
    os.chdir('/')
    scene.do(os.mkdir, 'new', dir_fd=fd, what='mkdirat')
    scene.do(os.rename, 'x', 'y', src_dir_fd=fd, dst_dir_fd=fd)


@case
def removed_and_made_again(scene):
    """Under one name, over and over, as other kinds of things."""
    for i in range(30):
        scene.file('x', b'%d' % i)
        scene.do(os.stat, 'x')
        os.unlink('x')
        os.mkdir('x')
        scene.do(os.stat, 'x')
        os.rmdir('x')
        os.symlink(f'{i}', 'x')
        scene.do(os.readlink, 'x')
        os.unlink('x')
        scene.do(os.stat, 'x')
