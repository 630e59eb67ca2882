"""Who may do what: every operation by several users, in folders and on files of several modes."""

import os

from fusetest import syscalls
from scene import GROUP, OTHER_GROUP, OWNER, STRANGER, USERS, case, snapshot

FOLDER_MODES = [0o755, 0o775, 0o777, 0o1777, 0o1770, 0o711, 0o733, 0o744, 0o700, 0o500, 0o077, 0]
FILE_MODES = [0o644, 0o664, 0o666, 0o600, 0o400, 0o222, 0o070, 0o007, 0o750, 0]
THEIRS = {'owner': (OWNER, GROUP), 'stranger': (STRANGER, OTHER_GROUP)}


def _opened(flags):
    def operation(path):
        os.close(os.open(path, flags, 0o644))
    return operation


def _matrix(scene, name, operation, prepare, modes):
    """The operation by each user at each mode. As long as nothing changes, one folder serves."""
    before, folders = None, 0
    for mode in modes:
        for user in USERS:
            if before is None:
                folders += 1
                scene.folder(f'{folders}', 0o777)
                prepare(scene, f'{folders}')
                before = snapshot(f'{folders}')
            os.chdir(f'{folders}')
            os.chmod('it', mode)
            reference = snapshot('.')
            with scene.as_user(user):
                scene.do(operation, what=f'{name} by {user}, mode {mode:o}')
            after = snapshot('.')
            os.chdir('..')
            if after != reference:
                scene.saw('changed', [sorted(set(reference.items()) - set(after.items())),
                                      sorted(set(after.items()) - set(reference.items()))])
                before = None


# -- in a folder --------------------------------------------------------------------------------

def _with_folder(scene, top):
    """`it` is a folder of the owner; in it are things of the owner's and of a stranger's."""
    for folder, owner in (('it', THEIRS['owner']), ('own', THEIRS['stranger'])):
        scene.folder(f'{top}/{folder}', 0o777, owner)
    for whose, owner in THEIRS.items():
        scene.file(f'{top}/it/file.{whose}', b'content', 0o666, owner)
        scene.folder(f'{top}/it/dir.{whose}', 0o777, owner)
    os.symlink('file.owner', f'{top}/it/link')
    scene.file(f'{top}/outside', b'o', 0o666, THEIRS['stranger'])
    scene.folder(f'{top}/outside.dir', 0o777, THEIRS['stranger'])


IN_FOLDER = {
    'create': lambda: _opened(os.O_CREAT | os.O_WRONLY)('it/new'),
    'create_excl': lambda: _opened(os.O_CREAT | os.O_EXCL | os.O_WRONLY)('it/new'),
    'create_existing': lambda: _opened(os.O_CREAT | os.O_WRONLY)('it/file.stranger'),
    'mkdir': lambda: os.mkdir('it/new'), 'mkfifo': lambda: os.mkfifo('it/new'),
    'symlink': lambda: os.symlink('x', 'it/new'),
    'tmpfile': lambda: _opened(os.O_TMPFILE | os.O_WRONLY)('it'),
    'link_into': lambda: os.link('outside', 'it/new'),
    'link_within': lambda: os.link('it/file.owner', 'it/new'),
    'unlink_owners': lambda: os.unlink('it/file.owner'),
    'unlink_strangers': lambda: os.unlink('it/file.stranger'),
    'unlink_missing': lambda: os.unlink('it/missing'),
    'rmdir_owners': lambda: os.rmdir('it/dir.owner'),
    'rmdir_strangers': lambda: os.rmdir('it/dir.stranger'),
    'rename_out': lambda: os.rename('it/file.owner', 'new'),
    'rename_out_strangers': lambda: os.rename('it/file.stranger', 'new'),
    'rename_into': lambda: os.rename('outside', 'it/new'),
    'rename_folder_into': lambda: os.rename('outside.dir', 'it/new'),
    'rename_over_owners': lambda: os.rename('outside', 'it/file.owner'),
    'rename_over_strangers': lambda: os.rename('outside', 'it/file.stranger'),
    'rename_within': lambda: os.rename('it/file.owner', 'it/file.stranger'),
    'rename_exchange': lambda: syscalls.renameat2('outside', 'it/file.owner',
                                                  syscalls.RENAME_EXCHANGE),
    'rename_folder_out': lambda: os.rename('it/dir.owner', 'own/new'),
    'listdir': lambda: sorted(os.listdir('it')), 'chdir': lambda: os.chdir('it/../it/..'),
    'stat_below': lambda: os.stat('it/file.owner'), 'stat_missing': lambda: os.stat('it/missing'),
    'readlink_below': lambda: os.readlink('it/link'), 'open_below': lambda: _opened(0)('it/link'),
    'chmod_below': lambda: os.chmod('it/file.stranger', 0o604),
    'statx_self': lambda: syscalls.statx('it')[1:2],
    'access_folder': lambda: [syscalls.faccessat('it', mode) for mode in (os.R_OK, os.X_OK)],
    'access_folder_write': lambda: syscalls.faccessat('it', os.W_OK | os.X_OK),
}

# -- on a file ---------------------------------------------------------------------------------


def _with_file(scene, top):
    """`it` is a file of the owner."""
    scene.file(f'{top}/it', b'#!/bin/true\n', 0o666, THEIRS['owner'])
    os.setxattr(f'{top}/it', 'user.there', b'value')


ON_FILE = {
    'open_read': lambda: _opened(os.O_RDONLY)('it'),
    'open_write': lambda: _opened(os.O_WRONLY)('it'),
    'open_both': lambda: _opened(os.O_RDWR)('it'),
    'open_trunc': lambda: _opened(os.O_WRONLY | os.O_TRUNC)('it'),
    'open_read_trunc': lambda: _opened(os.O_RDONLY | os.O_TRUNC)('it'),
    'open_append': lambda: _opened(os.O_WRONLY | os.O_APPEND)('it'),
    'open_path': lambda: _opened(os.O_PATH)('it'),
    'open_noatime': lambda: _opened(os.O_NOATIME)('it'),
    'truncate': lambda: os.truncate('it', 2),
    'execute': lambda: os.posix_spawn('./it', ['it'], {}) and None,
    'chmod': lambda: os.chmod('it', 0o4755), 'chmod_setgid': lambda: os.chmod('it', 0o2755),
    'chown_user': lambda: os.chown('it', STRANGER, -1),
    'chown_same': lambda: os.chown('it', OWNER, -1),
    'chown_nothing': lambda: os.chown('it', -1, -1), 'chgrp_own': lambda: os.chown('it', -1, GROUP),
    'chgrp_other': lambda: os.chown('it', -1, OTHER_GROUP),
    'chgrp_roots': lambda: os.chown('it', -1, 0),
    'chown_both': lambda: os.chown('it', OWNER, OTHER_GROUP),
    'utime_now': lambda: os.utime('it'), 'utime_given': lambda: os.utime('it', (5, 6)),
    'utime_one_now': lambda: syscalls.utimensat('it', (0, syscalls.UTIME_NOW),
                                                (0, syscalls.UTIME_OMIT)),
    'utime_omit': lambda: syscalls.utimensat('it', (0, syscalls.UTIME_OMIT),
                                             (0, syscalls.UTIME_OMIT)),
    'access': lambda: [syscalls.faccessat('it', mode) for mode in (os.F_OK, os.R_OK)],
    'access_write': lambda: syscalls.faccessat('it', os.W_OK),
    'access_execute': lambda: syscalls.faccessat('it', os.X_OK),
    'access_all': lambda: syscalls.faccessat('it', 7),
    'access_bad': lambda: syscalls.faccessat('it', 8),
    'access_effective': lambda: syscalls.faccessat('it', os.R_OK | os.W_OK, 0x200),
    'link': lambda: os.link('it', 'new'), 'rename': lambda: os.rename('it', 'new'),
    'stat': lambda: os.stat('it'), 'getxattr': lambda: os.getxattr('it', 'user.there'),
    'listxattr': lambda: 'user.there' in os.listxattr('it'),
    'setxattr': lambda: os.setxattr('it', 'user.new', b'value'),
    'removexattr': lambda: os.removexattr('it', 'user.there'),
    'setxattr_trusted': lambda: os.setxattr('it', 'trusted.new', b'value'),
    'getxattr_trusted': lambda: os.getxattr('it', 'trusted.none'),
}


def _add(place, name, operation, prepare, modes):
    def run(scene):
        _matrix(scene, name, operation, prepare, modes)
    run.__name__ = f'{place}_{name}'
    case(run)


for _name, _operation in IN_FOLDER.items():
    _add('in_folder', _name, _operation, _with_folder, FOLDER_MODES)
for _name, _operation in ON_FILE.items():
    _add('on_file', _name, _operation, _with_file, FILE_MODES)


@case
def permission_is_looked_at_when_opening(scene):
    """A descriptor goes on being good for what it was opened for."""
    scene.file('file', b'content', 0o666)
    with scene.as_user('stranger'):
        fd = scene.open('file', os.O_RDWR)
        reader = scene.open('file', os.O_RDONLY)
    os.chmod('file', 0)
    with scene.as_user('stranger'):
        scene.do(os.pread, fd, 10, 0)
        scene.do(os.pwrite, fd, b'written', 2)
        scene.do(os.ftruncate, fd, 4)
        scene.do(os.fsync, fd)
        scene.do(os.fstat, fd)
        scene.do(os.pread, reader, 10, 0)
        scene.do(os.ftruncate, reader, 2, what='ftruncate read-only')
        scene.do(os.write, reader, b'x', what='write read-only')
        scene.do(os.fchmod, fd, 0o777)
        scene.do(os.fchown, fd, STRANGER, -1)
        scene.open('file')
        scene.open(f'/proc/self/fd/{fd}', what='open again')
    scene.tree()


@case
def permission_to_search(scene):
    """Every folder on the way counts, and the one that is left by `..` as well."""
    os.makedirs('a/b/c')
    scene.file('a/b/c/file', b'x')
    for mode in (0o700, 0o711, 0o744, 0o755):
        for place in ('a', 'a/b', 'a/b/c'):
            os.chmod(place, mode)
            with scene.as_user('stranger'):
                scene.do(os.stat, 'a/b/c/file', what=f'stat, {place} {mode:o}')
                scene.do(os.stat, 'a/b/../b/c/../c/file', what=f'stat, {place} {mode:o}, dots')
                scene.do(os.stat, 'a/../a', what='stat a')
            os.chmod(place, 0o755)


@case
def permission_of_the_group(scene):
    """The group's bits are for its members alone, and instead of the others'."""
    scene.file('file', b'x', 0o604, THEIRS['owner'])
    scene.file('dark', b'x', 0o074, THEIRS['owner'])
    for user in USERS:
        with scene.as_user(user):
            scene.open('file', what=f'{user} file')
            scene.open('dark', what=f'{user} dark')
            scene.do(os.truncate, 'dark', 0, what=f'{user} truncate')


@case
def sticky_folders(scene):
    """Only who owns the file or the folder removes, renames or replaces it."""
    for folder_owner in ('owner', 'stranger', 'root'):
        for file_owner in ('owner', 'member', 'root'):
            for user in USERS:
                uid, gid, _ = USERS[folder_owner]
                scene.folder('t', 0o1777, (uid, gid))
                uid, gid, _ = USERS[file_owner]
                scene.file('t/file', b'x', 0o666, (uid, gid))
                scene.folder('t/dir', 0o777, (uid, gid))
                label = f'{user} on {file_owner} in {folder_owner}'
                with scene.as_user(user):
                    scene.do(os.rename, 't/file', 't/renamed', what=f'rename {label}')
                    scene.do(os.rename, 't/dir', 't/dir2', what=f'rename folder {label}')
                    scene.do(os.unlink, 't/file', what=f'unlink {label}')
                    scene.do(os.rmdir, 't/dir', what=f'rmdir {label}')
                    if os.access('t', os.W_OK):
                        scene.do(scene.file, 't/mine', what='make')
                        scene.do(os.rename, 't/mine', 't/renamed', what=f'replace {label}')
                scene.tree('t')
                os.system('rm -rf t')


@case
def chown_to_another_does_not_follow_rights(scene):
    """What a user may do with a file changes with its owner at once."""
    scene.file('file', b'x', 0o600, THEIRS['owner'])
    with scene.as_user('owner'):
        scene.open('file')
    os.chown('file', STRANGER, OTHER_GROUP)
    with scene.as_user('owner'):
        scene.open('file', what='owner afterwards')
        scene.do(os.chmod, 'file', 0o666)
    with scene.as_user('stranger'):
        scene.open('file', what='new owner')
        scene.do(os.chmod, 'file', 0o640)
    scene.look('file')
