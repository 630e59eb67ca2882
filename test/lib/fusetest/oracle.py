"""Comparing two folder trees: what the mount shows with what there should be."""

import hashlib
import os
import stat


def _digest(path):
    total = hashlib.blake2b(digest_size=16)
    with open(path, 'rb') as file:
        while chunk := file.read(1 << 18):
            total.update(chunk)
    return total.hexdigest()


def _xattrs(path):
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return {}
    return {name: os.getxattr(path, name, follow_symlinks=False)
            for name in sorted(names) if name.startswith('user.')}


def snapshot(root, contents=True, times=False):
    """{relative path: facts} of everything below root."""
    root, facts = os.fspath(root), {}
    groups = {}
    for folder, dirs, files in os.walk(root):
        for name in dirs + files:
            path = os.path.join(folder, name)
            info = os.lstat(path)
            fact = {'type': stat.S_IFMT(info.st_mode), 'mode': stat.S_IMODE(info.st_mode),
                    'uid': info.st_uid, 'gid': info.st_gid, 'xattr': _xattrs(path)}
            if stat.S_ISREG(info.st_mode):
                fact['size'], fact['links'] = info.st_size, info.st_nlink
                if contents:
                    fact['data'] = _digest(path)
                if info.st_nlink > 1:
                    groups.setdefault((info.st_dev, info.st_ino), []).append(path)
            elif stat.S_ISLNK(info.st_mode):
                fact['target'] = os.readlink(path)
            elif stat.S_ISCHR(info.st_mode) or stat.S_ISBLK(info.st_mode):
                fact['rdev'] = info.st_rdev
            if times:
                fact['mtime'] = info.st_mtime_ns
            facts[os.path.relpath(path, root)] = fact
    for paths in groups.values():
        names = sorted(os.path.relpath(path, root) for path in paths)
        for name in names:
            facts[name]['same as'] = names
    return facts


def differences(expected, seen, limit=20):
    """Texts that name where two trees (folders, or snapshots) differ; empty when they are equal."""
    left = expected if isinstance(expected, dict) else snapshot(expected)
    right = seen if isinstance(seen, dict) else snapshot(seen)
    found = [f'missing: {name}' for name in sorted(left.keys() - right.keys())]
    found += [f'not expected: {name}' for name in sorted(right.keys() - left.keys())]
    for name in sorted(left.keys() & right.keys()):
        for key in left[name].keys() | right[name].keys():
            if left[name].get(key) != right[name].get(key):
                found.append(f'{name}: {key} is {right[name].get(key)!r}, '
                             f'should be {left[name].get(key)!r}')
    return found[:limit]
