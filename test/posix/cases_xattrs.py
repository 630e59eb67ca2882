"""Extended attributes."""

import os

from scene import GROUP, OWNER, USERS, case


def _names(path):
    return sorted(name for name in os.listxattr(path) if not name.startswith('security.'))


@case
def xattr_values(scene):
    """From nothing to the most there can be."""
    scene.file('f')
    for size in (0, 1, 100, 2000, 65536, 65537):
        scene.do(os.setxattr, 'f', 'user.a',
                 bytes(range(256)) * 257 if size > 65536 else b'v' * size,
                 what=f'set {size}')
        scene.do(os.getxattr, 'f', 'user.a', what=f'get {size}')
    scene.saw('names', _names('f'))
    scene.do(os.removexattr, 'f', 'user.a')
    scene.do(os.removexattr, 'f', 'user.a')
    scene.do(os.getxattr, 'f', 'user.a')
    scene.saw('names', _names('f'))


@case
def xattr_flags(scene):
    scene.file('f')
    for flags in (os.XATTR_REPLACE, os.XATTR_CREATE, os.XATTR_CREATE, os.XATTR_REPLACE, 3, 4):
        scene.do(os.setxattr, 'f', 'user.a', b'%d' % flags, flags, what=f'set {flags}')
        scene.do(os.getxattr, 'f', 'user.a')
    os.removexattr('f', 'user.a')
    scene.do(os.setxattr, 'f', 'user.a', b'', os.XATTR_CREATE)
    scene.do(os.getxattr, 'f', 'user.a')


@case
def xattr_names(scene):
    """All name spaces, and names that are none."""
    scene.file('f')
    scene.folder('d')
    os.symlink('f', 'l')
    os.mkfifo('p')
    for name in ('user.a', 'user.' + 'n' * 250, 'user.' + 'n' * 251, 'user.', 'user', '',
                 'trusted.a',
                 'security.a', 'system.a', 'other.a', 'user.\u00e4', 'user.a b/c'):
        for path in 'fdlp':
            scene.do(os.setxattr, path, name, b'v', follow_symlinks=False,
                     what=f'set {name[:20]} on {path}')
            scene.do(os.getxattr, path, name, follow_symlinks=False,
                     what=f'get {name[:20]} of {path}')
            scene.do(os.removexattr, path, name, follow_symlinks=False,
                     what=f'remove {name[:20]} of {path}')


@case
def xattr_many(scene):
    scene.file('f')
    for i in range(50):
        scene.do(os.setxattr, 'f', f'user.name{i}', b'%d' % i)
    scene.saw('names', _names('f'))
    for i in range(0, 50, 3):
        os.removexattr('f', f'user.name{i}')
    scene.saw('names', _names('f'))
    os.link('f', 'g')
    scene.saw('names', _names('g'))
    os.rename('f', 'h')
    scene.saw('names', _names('h'))


@case
def xattr_by_descriptor(scene):
    scene.file('f')
    fd = os.open('f', os.O_RDONLY)
    scene.do(os.setxattr, fd, 'user.a', b'v')
    scene.do(os.getxattr, fd, 'user.a')
    scene.do(os.removexattr, fd, 'user.a')
    path = os.open('f', os.O_PATH)
    scene.do(os.setxattr, path, 'user.a', b'v')
    scene.do(os.getxattr, path, 'user.a')
    scene.do(os.listxattr, path)


@case
def xattr_of_users(scene):
    """In sticky folders only the owner, in all cases who may write."""
    for mode in (0o777, 0o1777):
        scene.folder('d', mode, (OWNER, GROUP))
        for user in USERS:
            with scene.as_user(user):
                scene.do(os.setxattr, 'd', 'user.a', b'v', what=f'set by {user} {mode:o}')
                scene.do(os.removexattr, 'd', 'user.a', what=f'remove by {user} {mode:o}')
        os.rmdir('d')
