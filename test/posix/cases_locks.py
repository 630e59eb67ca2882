"""Locks: of ranges, of open files, of whole files."""

import fcntl
import os
import struct

from scene import case

F_OFD_GETLK, F_OFD_SETLK = 36, 37


def _range(kind, start=0, length=0):
    return struct.pack('hhqqi4x', kind, os.SEEK_SET, start, length, 0)


def _ask(fd, command, kind, start=0, length=0):
    kind, _, start, length, _ = struct.unpack('hhqqi4x', fcntl.fcntl(fd, command,
                                                                     _range(kind, start, length)))
    return [kind] if kind == fcntl.F_UNLCK else [kind, start, length]


def _lock(fd, kind, start=0, length=0, command=fcntl.F_SETLK):
    fcntl.fcntl(fd, command, _range(kind, start, length))


@case
def locks_of_ranges(scene):
    """Of processes: they split, join, are seen by others, and end with any close."""
    scene.file('f', b'x' * 100)
    fd = os.open('f', os.O_RDWR)
    scene.do(_lock, fd, fcntl.F_WRLCK, 10, 20)
    scene.do(_lock, fd, fcntl.F_RDLCK, 50, 10)
    scene.do(_lock, fd, fcntl.F_UNLCK, 15, 5)
    scene.do(_ask, fd, fcntl.F_GETLK, fcntl.F_WRLCK, what='my own')

    def other():
        mine = os.open('f', os.O_RDWR)
        for start, length in ((0, 10), (10, 5), (15, 5), (20, 10), (50, 10), (0, 0)):
            for kind in (fcntl.F_RDLCK, fcntl.F_WRLCK):
                scene.do(_ask, mine, fcntl.F_GETLK, kind, start, length, what=f'ask {kind} {start}')
                scene.do(_lock, mine, kind, start, length, what=f'lock {kind} {start}')

    scene.child(other)
    os.close(os.open('f', os.O_RDONLY))  # and so this process has none any more
    scene.child(other)


@case
def locks_of_ranges_refused(scene):
    scene.file('f')
    reader, writer = os.open('f', os.O_RDONLY), os.open('f', os.O_WRONLY)
    scene.do(_lock, reader, fcntl.F_WRLCK)
    scene.do(_lock, writer, fcntl.F_RDLCK)
    scene.do(_lock, reader, 17)
    scene.do(_lock, reader, fcntl.F_RDLCK, 10, -20)
    scene.do(_lock, reader, fcntl.F_RDLCK, 10, -5)
    scene.do(_lock, os.open('.', os.O_RDONLY), fcntl.F_RDLCK)


@case
def locks_of_open_files(scene):
    """Of descriptors: two of one process are two."""
    scene.file('f', b'x' * 100)
    one, two = os.open('f', os.O_RDWR), os.open('f', os.O_RDWR)
    scene.do(_lock, one, fcntl.F_WRLCK, 0, 10, F_OFD_SETLK)
    scene.do(_lock, two, fcntl.F_WRLCK, 5, 10, F_OFD_SETLK)
    scene.do(_lock, two, fcntl.F_WRLCK, 10, 10, F_OFD_SETLK)
    scene.do(_ask, one, F_OFD_GETLK, fcntl.F_RDLCK, 0, 100)
    scene.do(_lock, one, fcntl.F_RDLCK, 15, 1, F_OFD_SETLK)
    os.close(two)
    scene.do(_lock, one, fcntl.F_RDLCK, 15, 1, F_OFD_SETLK)
    scene.child(lambda: scene.do(_lock, one, fcntl.F_UNLCK, 0, 0, F_OFD_SETLK))
    scene.do(_lock, os.open('f', os.O_RDWR), fcntl.F_WRLCK, 0, 0, F_OFD_SETLK)


@case
def locks_of_whole_files(scene):
    """flock(2): shared and exclusive, upgraded, inherited, gone with the last close."""
    scene.file('f')
    one, two, three = (os.open('f', os.O_RDONLY) for _ in range(3))
    scene.do(fcntl.flock, one, fcntl.LOCK_SH | fcntl.LOCK_NB)
    scene.do(fcntl.flock, two, fcntl.LOCK_SH | fcntl.LOCK_NB)
    scene.do(fcntl.flock, three, fcntl.LOCK_EX | fcntl.LOCK_NB)
    scene.do(fcntl.flock, two, fcntl.LOCK_EX | fcntl.LOCK_NB)
    scene.do(fcntl.flock, one, fcntl.LOCK_UN)
    scene.do(fcntl.flock, three, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(two)
    scene.do(fcntl.flock, three, fcntl.LOCK_EX | fcntl.LOCK_NB)
    copy = os.dup(three)
    os.close(three)
    scene.do(fcntl.flock, one, fcntl.LOCK_SH | fcntl.LOCK_NB)
    scene.child(lambda: scene.do(fcntl.flock, copy, fcntl.LOCK_UN))
    scene.do(fcntl.flock, one, fcntl.LOCK_SH | fcntl.LOCK_NB)
    scene.do(fcntl.flock, one, 0)
    scene.do(fcntl.flock, os.open('.', os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    scene.do(fcntl.flock, os.open('f', os.O_PATH), fcntl.LOCK_EX | fcntl.LOCK_NB)


@case
def locks_that_wait(scene):
    """One waits until the other lets go."""
    scene.file('f')
    fd = os.open('f', os.O_RDWR)
    _lock(fd, fcntl.F_WRLCK)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        mine = os.open('f', os.O_RDWR)
        os.write(writer, b'waiting ')
        fcntl.fcntl(mine, fcntl.F_SETLKW, _range(fcntl.F_WRLCK))
        os.write(writer, b'locked ')
        os._exit(0)  # pylint: disable=protected-access
    os.read(reader, 8)
    _lock(fd, fcntl.F_UNLCK)
    scene.saw('status', os.waitpid(pid, 0)[1])
    os.close(writer)
    scene.do(os.read, reader, 100)
