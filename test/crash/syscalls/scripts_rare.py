"""Scripts about operations that mirrors do not have (test/tools/rare_mirror_*), or that the kernel
seldom asks for."""

import array
import ctypes
import fcntl
import os
import select
import struct

from scene import AT_EMPTY_PATH, AT_STATX_FORCE_SYNC, check, libc
from scripts_files import lock_words

STATX_BTIME, FIBMAP, F_OFD_GETLK = 0x800, 1, 36
COUNTER_GET, COUNTER_ADD = 0x80046d01, 0x6d02


def ioctl_reads(s):
    fd = s.open(s.file('f', struct.pack('i', 41)))
    number = array.array('i', [0])
    s.begin()
    return [s.do(fcntl.ioctl, fd, COUNTER_GET, number), number[0]]


def ioctl_changes(s):
    """What was running when the server died gives EINTR, and was done once or not at all."""
    fd = s.open(s.file('f', struct.pack('i', 41)))
    s.begin()
    result = s.do(fcntl.ioctl, fd, COUNTER_ADD)
    number, = struct.unpack('i', s.do(os.pread, fd, 4, 0))
    (s.behind / 'f').write_bytes(b'')
    return [number == 42 if result == 0 else result == 'EINTR' and number in (41, 42)]


def poll(s):
    some, none = s.open(s.file('f', b'text')), s.open(s.file('g'))
    poller = select.poll()
    for fd in (some, none):
        poller.register(fd, select.POLLIN)
    s.begin()
    return [s.do(poller.poll, 0) == [(some, select.POLLIN)]]


def statx(s):
    """With the time of birth, for which the kernel has an operation of its own."""
    fd = s.open(s.file('f', b'abc'))
    buffer = ctypes.create_string_buffer(256)
    s.begin()
    result = s.do(lambda: check(libc.statx(fd, b'', AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BTIME,
                                           buffer)))
    has_birth = int.from_bytes(buffer[0:4], 'little') & STATX_BTIME
    return [result, has_birth, int.from_bytes(buffer[40:48], 'little')]


def tmpfile(s):
    """It has no name, so that a successor cannot find it: what is open is lost, and no more."""
    s.begin()
    fd = s.made(os.O_TMPFILE | os.O_RDWR, '.')
    opened = isinstance(fd, int)
    written = s.do(os.write, fd, b'new') if opened else 0
    s.close(fd)
    return [opened or fd, written in (3, 'ESTALE'), sorted(os.listdir('.'))]


def bmap(s):
    fd = s.open(s.file('f', b'abc'))
    block = array.array('i', [5])
    s.begin()
    return [s.do(fcntl.ioctl, fd, FIBMAP, block), block[0]]


def syncfs(s):
    folder = s.open('.', os.O_RDONLY | os.O_DIRECTORY)
    s.begin()
    return [s.do(lambda: check(libc.syncfs(folder)))]


def getlk(s):
    """Who has the lock that is in the way; of an open file there is no process to name."""
    s.file('f', b'abc')
    mine, others = s.open('f'), s.open('f')
    fcntl.fcntl(others, 37, lock_words(fcntl.F_WRLCK, 3, 4))
    s.begin()
    found = s.do(fcntl.fcntl, mine, F_OFD_GETLK, lock_words(fcntl.F_RDLCK, 0, 100))
    kind, _, start, length, _ = struct.unpack('hhqqi4x', found)
    return [kind, start, length]


# Figures of the library that a crash may raise. The open file is lost with its server.
tmpfile.may_count = ('stale',)
# That an ioctl is answered with EINTR.
ioctl_changes.may_count = ('poisoned',)
ioctl_changes.may_say = 'reattach_ioctl=eintr'

SCRIPTS = [ioctl_reads, ioctl_changes, poll, statx, tmpfile]
DEVICE_SCRIPTS = [bmap, syncfs]
LOCK_SCRIPTS = [getlk]
