"""Open files and folders: flags, descriptors that are none, listing."""

import os

from fusetest import syscalls
from scene import USERS, case


@case
def opening_modes(scene):
    """What a descriptor was opened for it is good for, and nothing else."""
    scene.file('f', b'0123456789')
    for name, flags in {'read': os.O_RDONLY, 'write': os.O_WRONLY, 'both': os.O_RDWR,
                        'path': os.O_PATH, 'neither': 3}.items():
        fd = scene.open('f', flags, what=f'open {name}')
        if fd is None:
            continue
        for call, args in ((os.read, (3,)), (os.write, (b'abc',)), (os.lseek, (0, os.SEEK_SET)),
                           (os.fstat, ()), (os.ftruncate, (8,)), (os.fchmod, (0o600,)),
                           (os.fsync, ()), (os.fchdir, ()), (os.listdir, ()), (os.pread, (2, 0)),
                           (os.posix_fallocate, (0, 5)), (syscalls.fallocate, (0, 0, 5))):
            scene.do(call, fd, *args, what=f'{call.__name__} {name}')
        os.close(fd)
    scene.tree()


@case
def opening_flags(scene):
    """Combinations, on what is there and what is not."""
    scene.folder('d')
    choices = (os.O_CREAT, os.O_EXCL, os.O_TRUNC, os.O_DIRECTORY, os.O_NOFOLLOW, os.O_WRONLY)
    for number in range(1 << len(choices)):
        wanted = sum(flag for bit, flag in enumerate(choices) if number >> bit & 1)
        scene.file('f', b'content')
        os.symlink('f', 'l')
        for name in ('f', 'd', 'l', 'none'):
            fd = scene.open(name, wanted, what=f'{name} {wanted:o}')
            if fd is not None:
                scene.do(os.fstat, fd)
                os.close(fd)
        for name in ('f', 'l', 'none'):
            if os.path.lexists(name):
                os.unlink(name)


@case
def descriptors_that_are_none(scene):
    scene.file('f')
    fd = os.open('f', os.O_RDWR)
    os.close(fd)
    for call, args in ((os.read, (1,)), (os.write, (b'a',)), (os.fstat, ()), (os.fsync, ()),
                       (os.ftruncate, (0,)), (os.lseek, (0, 0)), (os.close, ()), (os.dup, ()),
                       (os.fchmod, (0,)), (os.fchown, (0, 0)), (os.listxattr, ())):
        scene.do(call, fd, *args)
        scene.do(call, 999, *args)
    folder = os.open('.', os.O_RDONLY)
    for call, args in ((os.read, (1,)), (os.write, (b'a',)), (os.ftruncate, (0,)),
                       (os.pread, (1, 0)), (os.posix_fallocate, (0, 1)), (os.fdatasync, ())):
        scene.do(call, folder, *args, what=f'{call.__name__} of a folder')
    scene.do(os.stat, 'f', dir_fd=folder)
    scene.do(os.stat, 'f/x', dir_fd=folder)
    file = os.open('f', os.O_RDWR)
    scene.do(os.stat, 'f', dir_fd=file)
    scene.do(os.mkdir, 'x', dir_fd=file)


@case
def relative_to_descriptors(scene):
    """The at-calls, from folders that were opened by O_PATH or for reading, and renamed since."""
    os.makedirs('a/b')
    for flags in (os.O_PATH, os.O_RDONLY):
        fd = os.open('a/b', flags | os.O_DIRECTORY)
        os.rename('a', 'moved')
        made = os.open('f', os.O_CREAT | os.O_RDWR, 0o640, dir_fd=fd)
        os.write(made, b'there')
        scene.do(os.mkdir, 'd', dir_fd=fd)
        scene.do(os.symlink, 'f', 'l', dir_fd=fd)
        scene.do(os.link, 'f', 'g', src_dir_fd=fd, dst_dir_fd=fd)
        scene.do(os.mkfifo, 'p', dir_fd=fd)
        scene.do(os.chmod, 'f', 0o604, dir_fd=fd)
        scene.do(os.rename, 'p', 'q', src_dir_fd=fd, dst_dir_fd=fd)
        scene.do(os.readlink, 'l', dir_fd=fd)
        scene.do(os.utime, 'f', (1, 2), dir_fd=fd)
        scene.do(os.access, 'f', os.R_OK, dir_fd=fd)
        scene.tree()
        for name in 'fglq':
            scene.do(os.unlink, name, dir_fd=fd)
        scene.do(os.rmdir, 'd', dir_fd=fd)
        os.rename('moved', 'a')


@case
def opening_again(scene):
    """Through /proc, with other rights; a file that was removed as well."""
    scene.file('f', b'content', 0o444)
    fd = os.open('f', os.O_PATH)
    again = scene.open(f'/proc/self/fd/{fd}', os.O_RDWR)
    scene.do(os.write, again, b'C')
    os.unlink('f')
    last = scene.open(f'/proc/self/fd/{again}', os.O_RDONLY | os.O_APPEND)
    scene.do(os.read, last, 10)
    scene.open(f'/proc/self/fd/{fd}', os.O_WRONLY | os.O_TRUNC)
    scene.do(os.read, last, 10)
    scene.do(os.fstat, last)


def _kinds(entries):
    return sorted((entry.name, entry.is_dir(follow_symlinks=False),
                   entry.is_file(follow_symlinks=False),
                   entry.is_symlink()) for entry in entries)


@case
def listing(scene):
    """Every name once, with its type; however many there are."""
    for count in (0, 1, 30, 1500):
        os.mkdir(f'd{count}')
        for i in range(count):
            name = f'd{count}/{i}' + 'x' * (i % 60)
            if i % 3 == 0:
                os.mkdir(name)
            elif i % 3 == 1:
                os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
            else:
                os.symlink('x', name)
        with os.scandir(f'd{count}') as entries:
            scene.saw(f'{count}', _kinds(entries))
        scene.saw(f'{count} again', len(os.listdir(f'd{count}')))
        scene.saw('links', os.stat(f'd{count}').st_nlink)


@case
def listing_numbers(scene):
    """The inode numbers that are listed are those that stat(2) gives."""
    for i in range(50):
        scene.file(f'f{i}')
    os.mkdir('d')
    with os.scandir('.') as entries:
        scene.saw('same', [entry.name for entry in entries
                           if entry.inode() != os.lstat(entry.name).st_ino])
    scene.saw('distinct', len({os.stat(name).st_ino for name in os.listdir('.')}))


@case
def listing_while_removing(scene):
    """As rm -r does it: nothing is missed."""
    os.mkdir('d')
    for i in range(700):
        os.close(os.open(f'd/{i}', os.O_CREAT | os.O_WRONLY))
    removed = 0
    with os.scandir('d') as entries:
        for entry in entries:
            os.unlink(entry.path)
            removed += 1
    scene.saw('removed', removed)
    scene.saw('left', os.listdir('d'))
    scene.do(os.rmdir, 'd')


@case
def listing_again(scene):
    """From the start, by the same descriptor, sees what has come since."""
    fd = os.open('.', os.O_RDONLY)
    for i in range(3):
        scene.file(f'f{i}')
        scene.saw('names', sorted(os.listdir(fd)))
    os.unlink('f1')
    scene.saw('names', sorted(os.listdir(fd)))
    os.rename('f0', 'g')
    scene.saw('names', sorted(os.listdir(fd)))


@case
def listing_by_users(scene):
    for mode in (0o700, 0o711, 0o744, 0o755):
        os.mkdir('d')
        scene.file('d/f')
        os.chmod('d', mode)
        for user in USERS:
            with scene.as_user(user):
                scene.do(lambda: [entry.name for entry in os.scandir('d')], what=f'{user} {mode:o}')
        os.unlink('d/f')
        os.rmdir('d')
