"""Where one script of operations runs: a new folder, on the mount and behind it."""

import ctypes
import errno
import os

from tree import attributes

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_EMPTY_PATH, AT_STATX_FORCE_SYNC, STATX_BASIC = -100, 0x1000, 0x2000, 0x7ff


def check(result):
    """The result of a libc call; -1 becomes an exception as Python's own calls raise it."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def renameat2(old, new, flags):
    check(libc.renameat2(AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new),
                          ctypes.c_uint(flags)))


def fallocate(fd, mode, offset, length):
    check(libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)))


def ask_attributes(fd):
    """(mode, nlink, size), asked of the server even where the kernel believes it knows."""
    buffer = ctypes.create_string_buffer(256)
    check(libc.statx(fd, b'', AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC, buffer))
    return (int.from_bytes(buffer[28:30], 'little'), int.from_bytes(buffer[16:20], 'little'),
            int.from_bytes(buffer[40:48], 'little'))


class AsUser:
    """File accesses of this thread are another user's."""

    def __init__(self, uid):
        self._uid = uid

    def __enter__(self):
        libc.setfsgid(self._uid)
        libc.setfsuid(self._uid)

    def __exit__(self, *_):
        libc.setfsuid(0)
        libc.setfsgid(0)


class Scene:
    """Scripts work with relative paths: from enter() on the current folder is the new one, on the
    mount. What comes before begin() is preparation, of which the kernel knows only what was warmed
    up or opened; from begin() on the server may die."""

    def __init__(self, mount, folder, begin):
        self.mount, self.folder_on_mount = mount.mnt, mount.mnt / folder
        self.behind, self._begin = mount.src / folder, begin
        self._fds, self._entered = [], False

    def enter(self):
        if not self._entered:
            os.chdir(self.folder_on_mount)
            self._entered = True

    # -- preparing ---------------------------------------------------------------------------------

    def file(self, name, content=b'', mode=0o644):
        path = self.behind / name
        path.write_bytes(content)
        path.chmod(mode)
        return name

    def folder(self, name):
        (self.behind / name).mkdir(parents=True)
        return name

    def symlink(self, target, name):
        (self.behind / name).symlink_to(target)
        return name

    def warm(self, *names):
        """Makes the kernel know these."""
        self.enter()
        for name in names:
            os.lstat(name)

    def open(self, name, flags=os.O_RDWR):
        self.enter()
        fd = os.open(name, flags)
        self._fds.append(fd)
        return fd

    def begin(self):
        self.enter()
        self._begin()

    # -- results -----------------------------------------------------------------------------------

    @staticmethod
    def do(function, *args, **named):
        """The value, or the name of the error."""
        try:
            return function(*args, **named)
        except OSError as error:
            return errno.errorcode.get(error.errno, str(error.errno))

    def made(self, flags, name, mode=0o644):
        """Opens, for scripts whose subject this is; the descriptor, or the name of the error."""
        fd = self.do(os.open, name, flags, mode)
        if isinstance(fd, int):
            self._fds.append(fd)
        return fd

    def look(self, name):
        return self.do(attributes, name)

    def same_inode(self, name):
        """Whether the mount shows the number of the file behind."""
        def compare():
            return os.lstat(name).st_ino == os.lstat(self.behind / name).st_ino
        return self.do(compare)

    def close(self, fd):
        if not isinstance(fd, int):
            return fd
        self._fds.remove(fd)
        return self.do(os.close, fd)

    def close_all(self):
        for fd in list(self._fds):
            self.close(fd)
