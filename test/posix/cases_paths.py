"""Every operation that takes a path, on every kind of thing a path can lead to."""

import os
import socket
import stat

from fusetest import syscalls
from scene import case, snapshot

LONGEST, TOO_LONG = 'n' * 255, 'n' * 256
# With 'missing' behind it as long as a path may be. Little of it is names: where the kernel may keep
# nothing, each costs three requests, and each dot one.
LONG_PATH = 'dir/../' * 12 + './' + '/' * 4002
MODE = 0o640

# A path, and what it is. All is made anew for each.
PLACES = [
    'missing', 'missing/below', 'missing/', 'file', 'file/', 'file/below', 'file/.', 'dir', 'dir/',
    'dir/.', 'dir/..', 'dir/missing', 'dir/missing/', 'full', 'full/', 'link', 'link/', 'dirlink',
    'dirlink/', 'dirlink/missing', 'dangling', 'dangling/', 'loop', 'loop/below', 'pair', 'fifo',
    'socket', 'device', 'twice', LONGEST, TOO_LONG, f'dir/{TOO_LONG}', LONG_PATH + 'file',
    LONG_PATH + 'missing', LONG_PATH + 'dir/../file', '', '.', '..', './/file', 'dir/../file',
    '...',
    'a b\n\t\\', '\u00e4\u4e16']


def _prepare(scene):
    scene.file('file', b'content')
    scene.folder('dir')
    scene.folder('full')
    scene.file('full/inside', b'inside')
    for name, target in (('link', 'file'), ('dirlink', 'dir'), ('dangling', 'nowhere'),
                         ('loop', 'loop'), ('pair', 'pair2'), ('pair2', 'pair')):
        os.symlink(target, name)
    os.mkfifo('fifo')
    with socket.socket(socket.AF_UNIX) as server:
        server.bind('socket')
    os.mknod('device', stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.link('file', 'twice')


def _short(path):
    return path if len(path) < 40 else f'{path[:8]}...({len(path)})'


def _matrix(scene, name, operation):
    """The operation at each place; what it returned, and what it changed. A folder that it did not
    change serves for the next place as well."""
    folders, before = 0, None
    for path in PLACES:
        if before is None:
            folders += 1
            scene.folder(f'{folders}')
            os.chdir(f'{folders}')
            _prepare(scene)
            before = snapshot('.')
        scene.do(operation, path, what=f'{name} {_short(path)}')
        after = snapshot('.')
        if after != before:
            scene.saw('changed', [sorted(set(before.items()) - set(after.items())),
                                  sorted(set(after.items()) - set(before.items()))])
            before = None
            os.chdir('..')


def _opened(flags, mode=MODE):
    def operation(path):
        fd = os.open(path, flags | os.O_NONBLOCK, mode)
        found = os.fstat(fd)
        os.close(fd)
        return found
    return operation


def _enter(path):
    here = os.open('.', os.O_PATH)
    try:
        os.chdir(path)
    finally:
        os.fchdir(here)
        os.close(here)


def _listed(path):
    return sorted(os.listdir(path or ''))


OPERATIONS = {
    'open': _opened(os.O_RDONLY), 'open_write': _opened(os.O_RDWR),
    'open_path': _opened(os.O_PATH), 'open_path_link': _opened(os.O_PATH | os.O_NOFOLLOW),
    'open_creat': _opened(os.O_RDWR | os.O_CREAT),
    'open_creat_excl': _opened(os.O_RDWR | os.O_CREAT | os.O_EXCL),
    'open_creat_trunc': _opened(os.O_RDWR | os.O_CREAT | os.O_TRUNC),
    'open_creat_nofollow': _opened(os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW),
    'open_creat_readonly': _opened(os.O_RDONLY | os.O_CREAT),
    'open_trunc': _opened(os.O_WRONLY | os.O_TRUNC),
    'open_directory': _opened(os.O_RDONLY | os.O_DIRECTORY),
    'open_nofollow': _opened(os.O_RDONLY | os.O_NOFOLLOW),
    'open_tmpfile': _opened(os.O_RDWR | os.O_TMPFILE),
    'open_tmpfile_readonly': _opened(os.O_RDONLY | os.O_TMPFILE),
    'mkdir': lambda path: os.mkdir(path, MODE), 'mkfifo': lambda path: os.mkfifo(path, MODE),
    'mknod_file': lambda path: os.mknod(path, stat.S_IFREG | MODE),
    'mknod_socket': lambda path: os.mknod(path, stat.S_IFSOCK | MODE),
    'mknod_device': lambda path: os.mknod(path, stat.S_IFBLK | MODE, os.makedev(7, 200)),
    'symlink': lambda path: os.symlink('target', path),
    'link_from': lambda path: os.link(path, 'new', follow_symlinks=False),
    'link_from_followed': lambda path: os.link(path, 'new', follow_symlinks=True),
    'link_to': lambda path: os.link('file', path),
    'link_to_from_folder': lambda path: os.link('dir', path),
    'unlink': os.unlink, 'rmdir': os.rmdir,
    'rename_from': lambda path: os.rename(path, 'new'),
    'rename_from_to_file': lambda path: os.rename(path, 'file'),
    'rename_from_to_dir': lambda path: os.rename(path, 'dir'),
    'rename_from_to_full': lambda path: os.rename(path, 'full'),
    'rename_to': lambda path: os.rename('file', path),
    'rename_folder_to': lambda path: os.rename('full', path),
    'rename_link_to': lambda path: os.rename('link', path),
    'rename_noreplace': lambda path: syscalls.renameat2('file', path, syscalls.RENAME_NOREPLACE),
    'rename_exchange': lambda path: syscalls.renameat2('full', path, syscalls.RENAME_EXCHANGE),
    'rename_bad_flags': lambda path: syscalls.renameat2('file', path, 0x80),
    'rename_both_flags': lambda path: syscalls.renameat2('file', path, 3),
    'chmod': lambda path: os.chmod(path, MODE),
    'chown': lambda path: os.chown(path, 7, 8),
    'lchown': lambda path: os.chown(path, 7, 8, follow_symlinks=False),
    'truncate': lambda path: os.truncate(path, 3),
    'truncate_longer': lambda path: os.truncate(path, 9),
    'truncate_negative': lambda path: os.truncate(path, -1),
    'utimensat': lambda path: os.utime(path, (1, 2)),
    'utimensat_link': lambda path: os.utime(path, (1, 2), follow_symlinks=False),
    'stat': os.stat, 'lstat': os.lstat, 'readlink': os.readlink, 'listdir': _listed,
    'chdir': _enter,
    'statx': lambda path: syscalls.statx(path)[1:3],
    'access': lambda path: [syscalls.faccessat(path, mode) for mode in (os.F_OK, os.R_OK, os.W_OK)],
    'access_execute': lambda path: syscalls.faccessat(path, os.X_OK),
    'statvfs': lambda path: os.statvfs(path).f_namemax,
    'setxattr': lambda path: os.setxattr(path, 'user.name', b'value'),
    'lsetxattr': lambda path: os.setxattr(path, 'user.name', b'value', follow_symlinks=False),
    'setxattr_trusted': lambda path: os.setxattr(path, 'trusted.name', b'v', follow_symlinks=False),
    'getxattr': lambda path: os.getxattr(path, 'user.name'),
    'listxattr': os.listxattr,
    'removexattr': lambda path: os.removexattr(path, 'user.name'),
    'execute': lambda path: os.posix_spawn(path, ['name'], {}),
}


def _add(name):
    def run(scene):
        _matrix(scene, name, OPERATIONS[name])
    run.__name__ = f'path_{name}'
    case(run)


for _name in OPERATIONS:
    _add(_name)


@case
def path_between_file_systems(scene):
    """Another mount is another file system, whichever way a name would have to go."""
    scene.file('file')
    scene.folder('dir')
    scene.do(os.link, '/proc/self/stat', 'new')
    scene.do(os.rename, '/proc/self/stat', 'new')
    scene.do(os.rename, 'file', '/proc/new')
    scene.do(os.link, 'file', '/proc/new')
    scene.do(os.rename, 'dir', '/proc/new')
    scene.tree()


@case
def path_longest_everywhere(scene):
    """A name of 255 bytes can be made, found, changed and removed; one of 256 cannot."""
    for name in (LONGEST, TOO_LONG):
        scene.do(os.mkdir, name, what='mkdir')
        scene.do(os.listdir, '.')
        scene.do(os.rename, name, 'a', what='rename from')
        scene.do(os.rename, 'a', name, what='rename to')
        scene.do(os.symlink, 'target', f'{name}/{name}', what='symlink')
        scene.do(os.link, f'{name}/{name}', f'{name}/b', what='link')
        scene.do(os.unlink, f'{name}/{name}', what='unlink')
        scene.do(os.unlink, f'{name}/b', what='unlink b')
        scene.do(os.rmdir, name, what='rmdir')
    scene.tree()


@case
def path_deep(scene):
    """Deeper than one path can name."""
    for _ in range(40):
        scene.folder(LONGEST)
        os.chdir(LONGEST)
    scene.do(os.stat, '../' * 20)
    scene.do(os.stat, '/proc/self/cwd/file')
    scene.file('file', b'deep')
    scene.look('file')
    scene.do(os.rename, 'file', '../' * 35 + 'file')
    scene.do(os.stat, '../' * 35 + 'file')
    for _ in range(40):
        os.chdir('..')
        if os.path.exists('file'):
            os.unlink('file')
        os.rmdir(LONGEST)


@case
def path_symlink_contents(scene):
    """A link can hold anything up to 4095 bytes."""
    for size in (1, 255, 256, 1000, 4094, 4095, 4096):
        target = ('t/' * 3000)[:size]
        scene.do(os.symlink, target, f'link{size}', what=f'symlink {size}')
        scene.do(os.readlink, f'link{size}', what=f'readlink {size}')
        scene.look(f'link{size}', what=f'lstat {size}')
    scene.do(os.symlink, '', 'empty')
    scene.do(os.symlink, b'\xff\xfe\x01', b'bytes')
    scene.do(os.readlink, b'bytes')


@case
def path_symlink_chain(scene):
    """Forty links are followed, no more."""
    scene.file('0', b'end')
    for i in range(1, 43):
        os.symlink(str(i - 1), str(i))
    for i in (39, 40, 41, 42):
        scene.do(os.stat, str(i), what=f'through {i}')
