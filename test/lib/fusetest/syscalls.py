"""System calls that Python does not have, raising OSError as its own do."""

import collections
import ctypes
import os
import struct

_libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH = -100, 0x100, 0x1000
AT_STATX_FORCE_SYNC, STATX_BASIC, STATX_BTIME = 0x2000, 0x7ff, 0x800
RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4
UTIME_NOW, UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2
KEEP_SIZE, PUNCH_HOLE, COLLAPSE_RANGE, ZERO_RANGE, INSERT_RANGE = 1, 2, 8, 16, 32


class _Timespec(ctypes.Structure):
    _fields_ = [('seconds', ctypes.c_long), ('nanoseconds', ctypes.c_long)]


def check(result):
    """The result of a libc call; -1 becomes an exception as Python's own calls raise it."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def renameat2(old, new, flags):
    check(_libc.renameat2(AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new),
                          ctypes.c_uint(flags)))


def fallocate(fd, mode, offset, length):
    check(_libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)))


def utimensat(path, access, modification, flags=0):
    """Times as (seconds, nanoseconds); UTIME_NOW and UTIME_OMIT are nanoseconds."""
    times = (_Timespec * 2)(_Timespec(*access), _Timespec(*modification))
    check(_libc.utimensat(AT_FDCWD, os.fsencode(path), times, flags))


def statx(path, flags=0, mask=STATX_BASIC, dir_fd=AT_FDCWD):
    """(mask, mode, nlink, size) as statx(2) gives them."""
    buffer = ctypes.create_string_buffer(256)
    check(_libc.statx(dir_fd, os.fsencode(path), flags, mask, buffer))
    return (int.from_bytes(buffer[0:4], 'little'), int.from_bytes(buffer[28:30], 'little'),
            int.from_bytes(buffer[16:20], 'little'), int.from_bytes(buffer[40:48], 'little'))


def faccessat(path, mode, flags=0):
    check(_libc.faccessat(AT_FDCWD, os.fsencode(path), mode, flags))


class Listing:
    """A directory that is read in parts, of `size` bytes at most; offsets are those of telldir()."""

    Entry = collections.namedtuple('Entry', 'name offset number')

    def __init__(self, path, size):
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        self._buffer = ctypes.create_string_buffer(size)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def read(self):
        """The next part, empty at the end."""
        length = check(_libc.getdents64(self.fd, self._buffer, ctypes.c_size_t(len(self._buffer))))
        entries, at = [], 0
        while at < length:
            number, offset, size = struct.unpack_from('=QqH', self._buffer, at)
            name = self._buffer[at + 19:at + size].split(b'\0')[0]
            entries.append(self.Entry(os.fsdecode(name), offset, number))
            at += size
        return entries

    def seek(self, offset):
        os.lseek(self.fd, offset, os.SEEK_SET)
