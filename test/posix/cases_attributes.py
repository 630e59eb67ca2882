"""Modes, owners, and the bits that go when somebody writes."""

import mmap
import os

from fusetest import syscalls
from scene import GROUP, OTHER_GROUP, OWNER, STRANGER, case


@case
def chmod_all(scene):
    """Every bit, on everything that has a mode."""
    scene.file('f')
    scene.folder('d')
    os.mkfifo('p')
    for name in 'fdp':
        for bit in range(12):
            os.chmod(name, 1 << bit)
            scene.look(name)
        for mode in (0, 0o7777, 0o10644):
            scene.do(os.chmod, name, mode)
            scene.look(name)


@case
def chown_all(scene):
    scene.file('f')
    for uid, gid in ((1, 2), (-1, 3), (4, -1), (-1, -1), (0, 0), (0x7ffffffe, 0x7ffffffe),
                     (0xfffffffe, 0xfffffffe)):
        scene.do(os.chown, 'f', uid, gid)
        scene.look('f')
    os.symlink('f', 'l')
    scene.do(os.lchown, 'l', 5, 6)
    scene.look('l')
    scene.look('f')


@case
def bits_go_with_writes(scene):
    """Somebody without privileges who writes takes the set-user-id bit away, and the set-group-id
    bit when the group may execute."""
    changes = {
        'write': lambda: _with('f', os.O_WRONLY, lambda fd: os.write(fd, b'x')),
        'pwrite': lambda: _with('f', os.O_WRONLY, lambda fd: os.pwrite(fd, b'x', 100)),
        'append': lambda: _with('f', os.O_WRONLY | os.O_APPEND, lambda fd: os.write(fd, b'x')),
        'write nothing': lambda: _with('f', os.O_WRONLY, lambda fd: os.write(fd, b'')),
        'truncate': lambda: os.truncate('f', 1), 'truncate same': lambda: os.truncate('f', 4),
        'ftruncate': lambda: _with('f', os.O_WRONLY, lambda fd: os.ftruncate(fd, 0)),
        'open trunc': lambda: os.close(os.open('f', os.O_WRONLY | os.O_TRUNC)),
        'open': lambda: os.close(os.open('f', os.O_RDWR)),
        'fallocate': lambda: _with('f', os.O_WRONLY, lambda fd: syscalls.fallocate(fd, 0, 0, 5000)),
        'direct': lambda: _with('f', os.O_WRONLY | os.O_SYNC, lambda fd: os.write(fd, b'y')),
        'copy': lambda: _with('f', os.O_RDWR, lambda fd: os.copy_file_range(fd, fd, 1, 0, 2)),
        'map': lambda: _with('f', os.O_RDWR, _write_mapped),
        'utime': lambda: os.utime('f', (1, 1)), 'chmod same': lambda: os.chmod('f', 0o6777),
        'setxattr': lambda: os.setxattr('f', 'user.a', b'x'),
    }
    for name, change in changes.items():
        for user in ('root', 'owner', 'stranger'):
            for mode in (0o4777, 0o2777, 0o6777, 0o2767, 0o6666):
                scene.file('f', b'1234', mode, (OWNER, GROUP))
                os.chmod('f', mode)
                with scene.as_user(user):
                    scene.do(change, what=f'{name} by {user}')
                scene.look('f', what=f'{mode:o} after {name} by {user}')
                os.unlink('f')


def _with(path, flags, function):
    fd = os.open(path, flags)
    try:
        return function(fd)
    finally:
        os.close(fd)


def _write_mapped(fd):
    with mmap.mmap(fd, 4) as memory:
        memory[0] = 65


@case
def bits_go_with_owners(scene):
    """A change of owner takes them away, from files that can be executed."""
    for user in ('root', 'owner'):
        for mode in (0o4755, 0o2755, 0o6755, 0o2745, 0o6777, 0o4644):
            for uid, gid in ((-1, GROUP), (OWNER, -1), (-1, -1), (OWNER, GROUP),
                             (STRANGER, OTHER_GROUP)):
                scene.file('f', b'', mode, (OWNER, GROUP))
                os.chmod('f', mode)
                with scene.as_user(user):
                    scene.do(os.chown, 'f', uid, gid, what=f'chown {uid}:{gid} by {user}')
                scene.look('f', what=f'{mode:o} afterwards')
                os.unlink('f')
    scene.folder('d', 0o6755, (OWNER, GROUP))
    scene.do(os.chown, 'd', STRANGER, OTHER_GROUP)
    scene.look('d')


@case
def bits_and_hard_links(scene):
    scene.file('f', b'x', 0o4755)
    os.link('f', 'g')
    os.chown('f', OWNER, GROUP)
    scene.look('g')
    os.chmod('g', 0o4755)
    scene.look('f')


@case
def capabilities_go_with_writes(scene):
    """File capabilities are an extended attribute that does not outlive a write."""
    value = bytes.fromhex('0100000202040000000000000000000000000000')
    for name, change in {'write': lambda: _with('f', os.O_WRONLY, lambda fd: os.write(fd, b'x')),
                         'truncate': lambda: os.truncate('f', 0),
                         'chown': lambda: os.chown('f', OWNER, GROUP),
                         'chmod': lambda: os.chmod('f', 0o700)}.items():
        scene.file('f', b'1234', 0o755)
        scene.do(os.setxattr, 'f', 'security.capability', value)
        scene.do(os.getxattr, 'f', 'security.capability')
        scene.do(change, what=name)
        scene.do(os.getxattr, 'f', 'security.capability', what=f'after {name}')
        os.unlink('f')


@case
def statx_fields(scene):
    """What is asked for comes."""
    scene.file('f', b'1234567', 0o640)
    scene.folder('d', 0o710)
    os.symlink('f', 'l')
    for name in 'fdl':
        for flags in (0, syscalls.AT_SYMLINK_NOFOLLOW, syscalls.AT_STATX_FORCE_SYNC, 0x4000):
            mask, mode, links, size = syscalls.statx(name, flags)
            scene.saw(f'statx {name} {flags:x}',
                      [mask & 0x7ff, mode, links, size if name != 'd' else 0])
    fd = os.open('f', os.O_RDONLY)
    scene.do(lambda: syscalls.statx('', syscalls.AT_EMPTY_PATH, dir_fd=fd)[1:])
    scene.do(syscalls.statx, '')
    scene.do(syscalls.statx, 'f', 0x6000)
    scene.do(syscalls.statx, 'f', 0, 0x80000000)


@case
def statvfs_fields(scene):
    """Of the file system below; except its number and its mount's flags."""
    found = os.statvfs('.')
    scene.saw('statvfs', [found.f_bsize, found.f_frsize, found.f_namemax, found.f_blocks,
                          found.f_files])
    scene.file('f')
    fd = os.open('f', os.O_RDONLY)
    scene.do(lambda: os.fstatvfs(fd).f_namemax)
