"""A FUSE connection as the kernel shows it: its number, its mount, and how to end it."""

import atexit
import ctypes
import ctypes.util
import os
import subprocess
import threading
from pathlib import Path

FUSECTL = Path('/sys/fs/fuse/connections')
MS_REMOUNT, MS_NOSUID, MS_NODEV = 32, 2, 4

_libc = ctypes.CDLL(ctypes.util.find_library('c') or 'libc.so.6', use_errno=True)


def ensure_fusectl():
    """Mounts the control filesystem where it is missing, until this process ends."""
    if os.path.ismount(FUSECTL):
        return
    done = subprocess.run(['mount', '-t', 'fusectl', 'none', str(FUSECTL)], check=False,
                          stderr=subprocess.DEVNULL, timeout=10)
    if done.returncode == 0:
        atexit.register(subprocess.run, ['umount', str(FUSECTL)], check=False,
                        stderr=subprocess.DEVNULL, timeout=10)


class Mount:
    """One line of /proc/self/mountinfo. Reading it never waits for a server."""

    def __init__(self, line):
        left, _, right = line.partition(' - ')
        fields, self.kind_fields = left.split(), right.split()
        major, minor = (int(part) for part in fields[2].split(':'))
        self.number = major << 20 | minor  # of the connection
        self.point = _unescape(fields[4])
        self.options = fields[5].split(',')
        self.fstype = self.kind_fields[0]
        self.source = _unescape(self.kind_fields[1])
        self.super_options = self.kind_fields[2].split(',')


def _unescape(text):
    for code, char in (('\\040', ' '), ('\\011', '\t'), ('\\012', '\n'), ('\\134', '\\')):
        text = text.replace(code, char)
    return text


def mounts(process='self'):
    with open(f'/proc/{process}/mountinfo', encoding='utf-8', errors='surrogateescape') as file:
        return [Mount(line.rstrip('\n')) for line in file]


def find(point, process='self'):
    """The topmost FUSE mount at a path, or None."""
    found = [m for m in mounts(process)
             if m.point == str(point) and m.fstype.partition('.')[0] in ('fuse', 'fuseblk')]
    return found[-1] if found else None


def abort(number):
    """Ends a connection: everybody who waits for an answer of it gets an error."""
    ensure_fusectl()
    try:
        (FUSECTL / str(number) / 'abort').write_text('1')
    except OSError:
        pass


def waiting(number):
    """Requests the kernel has queued or sent and that were not answered; None without fusectl."""
    ensure_fusectl()
    try:
        return int((FUSECTL / str(number) / 'waiting').read_text())
    except (OSError, ValueError):
        return None


def detach(point):
    """Takes a mount away whatever its state; its connection must be aborted before."""
    subprocess.run(['umount', '-l', str(point)], check=False, timeout=20,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def drop_unused(point):
    """Makes the kernel forget the entries of this mount that nobody uses: a remount shrinks the
    dentries of one superblock, so other mounts of the machine keep their caches."""
    flags = MS_REMOUNT
    mount = find(point)
    if mount:
        flags |= MS_NOSUID if 'nosuid' in mount.options else 0
        flags |= MS_NODEV if 'nodev' in mount.options else 0
    if _libc.mount(b'none', os.fsencode(point), b'none', flags, None) != 0:
        raise OSError(ctypes.get_errno(), 'remount', str(point))


class Watchdog:
    """Aborts a connection after a time, so that no call on the mount can wait for ever. As a context
    manager: `fired` tells whether it had to."""

    def __init__(self, point, seconds):
        self._point, self.fired = str(point), False
        self._timer = threading.Timer(seconds, self._fire)
        self._timer.daemon = True

    def _fire(self):
        self.fired = True
        mount = find(self._point)
        if mount:
            abort(mount.number)

    def __enter__(self):
        self._timer.start()
        return self

    def __exit__(self, *_):
        self._timer.cancel()
