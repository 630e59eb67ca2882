"""What a folder looks like, as a value that two of can be compared and told apart in words."""

import hashlib
import os
import stat


def attributes(path):
    """What must not depend on whether a server died: everything but times and numbers of inodes.
    The size of a folder is up to the filesystem behind."""
    info = os.lstat(path)
    kind = stat.S_IFMT(info.st_mode)
    size = 0 if stat.S_ISDIR(info.st_mode) else info.st_size
    return (f'{kind:o}', f'{stat.S_IMODE(info.st_mode):o}', info.st_nlink, size, info.st_uid,
            info.st_gid, info.st_rdev)


def _xattrs(path):
    try:
        return tuple((name, os.getxattr(path, name, follow_symlinks=False))
                     for name in sorted(os.listxattr(path, follow_symlinks=False))
                     if name.startswith('user.'))
    except OSError:
        return ()


def _content(path):
    info = os.lstat(path)
    if stat.S_ISLNK(info.st_mode):
        return os.readlink(path)
    if not stat.S_ISREG(info.st_mode):
        return ''
    with open(path, 'rb') as file:
        data = file.read()
    return repr(data) if len(data) <= 40 else hashlib.sha1(data).hexdigest()


def snapshot(top):
    """{relative path: attributes, content, extended attributes}; '.' is the folder itself."""
    found = {}

    def add(path, name):
        try:
            found[name] = (attributes(path), _content(path), _xattrs(path))
        except OSError as error:
            found[name] = f'error {error.errno}'

    add(top, '.')
    # An error of walking must show, not hide what is below.
    for folder, folders, files in os.walk(top, onerror=lambda error: found.update(
            {f'walk {os.path.relpath(error.filename, top)}': f'error {error.errno}'})):
        for name in folders + files:
            path = os.path.join(folder, name)
            add(path, os.path.relpath(path, top))
    return found


def difference(expected, seen):
    """In words, '' if there is none."""
    for name in sorted(set(expected) | set(seen)):
        if expected.get(name) != seen.get(name):
            return f'{name!r} is {seen.get(name, "absent")}, not {expected.get(name, "absent")}'
    return ''
