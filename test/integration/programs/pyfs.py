"""A filesystem in Python, on Debian's python3-pyfuse3: shows a folder. python3 pyfs.py SOURCE MNT"""

import errno
import os
import stat
import sys

import pyfuse3
import trio

NANO = ('st_atime_ns', 'st_mtime_ns', 'st_ctime_ns')
SAME = ('st_mode', 'st_nlink', 'st_uid', 'st_gid', 'st_rdev', 'st_size', *NANO)


def guarded(function):
    """Errors of the folder below become those of the request."""
    async def run(*args):
        try:
            return await function(*args)
        except OSError as error:
            raise pyfuse3.FUSEError(error.errno) from error
    return run


class Shown(pyfuse3.Operations):
    """Inodes have the numbers they have below, so that they are the same in every process that serves
    the mount; paths are kept for as long as the kernel knows them."""

    enable_writeback_cache = False

    def __init__(self, source):
        super().__init__()
        self._paths = {pyfuse3.ROOT_INODE: {source}}
        self._lookups = {}

    def _path(self, inode):
        for path in self._paths.get(inode, ()):
            return path
        raise pyfuse3.FUSEError(errno.ESTALE)

    def _below(self, parent, name):
        return os.path.join(self._path(parent), os.fsdecode(name))

    def _attributes(self, inode, info):
        entry = pyfuse3.EntryAttributes()
        for name in SAME:
            setattr(entry, name, getattr(info, name))
        entry.st_blksize, entry.st_blocks = 4096, info.st_blocks
        entry.generation, entry.entry_timeout, entry.attr_timeout = 0, 0, 0
        entry.st_ino = inode
        return entry

    def _known(self, path, info):
        self._paths.setdefault(info.st_ino, set()).add(path)
        self._lookups[info.st_ino] = self._lookups.get(info.st_ino, 0) + 1
        return self._attributes(info.st_ino, info)

    @guarded
    async def lookup(self, parent, name, ctx=None):
        path = self._below(parent, name)
        return self._known(path, os.lstat(path))

    async def forget(self, inodes):
        for inode, count in inodes:
            self._lookups[inode] = self._lookups.get(inode, 0) - count
            if self._lookups[inode] <= 0 and inode != pyfuse3.ROOT_INODE:
                self._lookups.pop(inode)
                self._paths.pop(inode, None)

    @guarded
    async def getattr(self, inode, ctx=None):
        return self._attributes(inode, os.lstat(self._path(inode)))

    @guarded
    async def setattr(self, inode, attr, fields, handle, ctx):
        path = self._path(inode)
        if fields.update_size:
            os.truncate(path if handle is None else handle, attr.st_size)
        if fields.update_mode:
            os.chmod(path, stat.S_IMODE(attr.st_mode))
        if fields.update_uid or fields.update_gid:
            os.chown(path, attr.st_uid if fields.update_uid else -1,
                     attr.st_gid if fields.update_gid else -1, follow_symlinks=False)
        if fields.update_atime or fields.update_mtime:
            now = os.lstat(path)
            os.utime(path, follow_symlinks=False, ns=(
                attr.st_atime_ns if fields.update_atime else now.st_atime_ns,
                attr.st_mtime_ns if fields.update_mtime else now.st_mtime_ns))
        return await self.getattr(inode)

    @guarded
    async def readlink(self, inode, ctx):
        return os.fsencode(os.readlink(self._path(inode)))

    @guarded
    async def mkdir(self, parent, name, mode, ctx):
        path = self._below(parent, name)
        os.mkdir(path, mode)
        return self._known(path, os.lstat(path))

    @guarded
    async def mknod(self, parent, name, mode, rdev, ctx):
        path = self._below(parent, name)
        os.mknod(path, mode, rdev)
        return self._known(path, os.lstat(path))

    @guarded
    async def symlink(self, parent, name, target, ctx):
        path = self._below(parent, name)
        os.symlink(os.fsdecode(target), path)
        return self._known(path, os.lstat(path))

    @guarded
    async def link(self, inode, parent, name, ctx):
        path = self._below(parent, name)
        os.link(self._path(inode), path, follow_symlinks=False)
        return self._known(path, os.lstat(path))

    def _gone(self, path):
        for paths in self._paths.values():
            paths.discard(path)

    @guarded
    async def unlink(self, parent, name, ctx):
        path = self._below(parent, name)
        os.unlink(path)
        self._gone(path)

    @guarded
    async def rmdir(self, parent, name, ctx):
        path = self._below(parent, name)
        os.rmdir(path)
        self._gone(path)

    @guarded
    async def rename(self, parent, name, new_parent, new_name, flags, ctx):
        if flags:
            raise pyfuse3.FUSEError(errno.EINVAL)
        old, new = self._below(parent, name), self._below(new_parent, new_name)
        os.rename(old, new)
        self._gone(new)
        for inode, paths in self._paths.items():
            self._paths[inode] = {new + path[len(old):] if path == old or
                                  path.startswith(old + os.sep) else path for path in paths}

    @guarded
    async def open(self, inode, flags, ctx):
        return pyfuse3.FileInfo(fh=os.open(self._path(inode), flags & ~os.O_CREAT))

    @guarded
    async def create(self, parent, name, mode, flags, ctx):
        path = self._below(parent, name)
        handle = os.open(path, flags | os.O_CREAT, mode)
        return pyfuse3.FileInfo(fh=handle), self._known(path, os.fstat(handle))

    @guarded
    async def read(self, handle, offset, size):
        return os.pread(handle, size, offset)

    @guarded
    async def write(self, handle, offset, data):
        return os.pwrite(handle, data, offset)

    @guarded
    async def fsync(self, handle, datasync):
        os.fsync(handle)

    @guarded
    async def release(self, handle):
        os.close(handle)

    @guarded
    async def opendir(self, inode, ctx):
        return inode

    @guarded
    async def readdir(self, inode, start, token):
        path = self._path(inode)
        for number, name in enumerate(sorted(os.listdir(path))[start:], start + 1):
            below = os.path.join(path, name)
            try:
                entry = self._known(below, os.lstat(below))
            except FileNotFoundError:
                continue
            if not pyfuse3.readdir_reply(token, os.fsencode(name), entry, number):
                await self.forget([(entry.st_ino, 1)])
                break

    @guarded
    async def statfs(self, ctx):
        below, out = os.statvfs(self._path(pyfuse3.ROOT_INODE)), pyfuse3.StatvfsData()
        for name in ('f_bsize', 'f_frsize', 'f_blocks', 'f_bfree', 'f_bavail', 'f_files', 'f_ffree',
                     'f_favail'):
            setattr(out, name, getattr(below, name))
        return out


def main():
    source, mountpoint = sys.argv[1:]
    pyfuse3.init(Shown(source), mountpoint, {'fsname=pyfs', *pyfuse3.default_options})
    try:
        trio.run(pyfuse3.main)
    finally:
        pyfuse3.close()


if __name__ == '__main__':
    main()
