"""Calls whose effect must happen exactly once, and a model that knows what must be there. A file
system that loses an effect or does one twice is found by the very call that trips over it."""

import ctypes
import ctypes.util
import errno
import fcntl
import os
import random
import stat
import time

_libc = ctypes.CDLL(ctypes.util.find_library('c') or 'libc.so.6', use_errno=True)
AT_FDCWD, RENAME_NOREPLACE, RENAME_EXCHANGE = -100, 1, 2
BLOCK, BLOCKS = 512, 256
LISTED = 300


def rename2(old, new, flags):
    if _libc.renameat2(AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new), flags) != 0:
        raise OSError(ctypes.get_errno(), 'renameat2', new)


class Effects:
    """One worker with a folder of its own; step() does one thing and checks it. `without` names the
    steps that a filesystem does not have."""

    def __init__(self, folder, recorder, seed, without=()):
        self.dir, self.rec, self.random = folder, recorder, random.Random(seed)
        self.serial = 0
        self.names, self.folders = [], []
        self.exchanges, self.renames, self.appended, self.reopened = 0, 0, 0, 0
        self.blocks = [bytes([0])] * BLOCKS
        self.xattrs = None  # not known yet whether the filesystem has them
        self._prepare()
        self._steps = [self.append, self.append, self.append_reopened, self.create, self.remove,
                       self.make_folder, self.remove_folder, self.rename, self.rename_over,
                       self.exchange, self.link, self.symlink, self.overwrite, self.read_back,
                       self.listing, self.resume_listing, self.attributes, self.truncate, self.lock,
                       self.mknod, self.mode_and_times]
        self._steps = [step for step in self._steps if step.__name__ not in without]

    def path(self, name):
        return os.path.join(self.dir, name)

    def _prepare(self):
        os.makedirs(self.dir, exist_ok=True)
        self.log = os.open(self.path('log'), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        self.data = os.open(self.path('data'), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.pwrite(self.data, bytes(BLOCK * BLOCKS), 0)
        for name in ('left', 'right', 'chain.0', 'over'):
            self._write(name, name)
        os.mkdir(self.path('listed'))
        for number in range(LISTED):
            os.close(os.open(self.path(f'listed/entry.{number:04}'), os.O_CREAT | os.O_WRONLY, 0o644))
        self.stream, self.streamed = None, []

    def _write(self, name, text):
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(text)

    def _read(self, name):
        with open(self.path(name), encoding='utf-8') as file:
            return file.read()

    def _fresh(self, prefix):
        self.serial += 1
        return f'{prefix}.{self.serial}'

    def step(self):
        self.random.choice(self._steps)()

    # -- things that happen once ------------------------------------------------------------------

    def append(self):
        record = b'%011d\n' % self.appended
        written = self.rec.call('append', os.write, self.log, record)
        self.rec.check(written == len(record), f'append wrote {written} of {len(record)} bytes')
        self.appended += 1

    def append_reopened(self):
        record = b'%011d\n' % self.reopened

        def append():
            fd = os.open(self.path('log2'), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                return os.write(fd, record)
            finally:
                os.close(fd)

        written = self.rec.call('open+append+close', append)
        self.rec.check(written == len(record), f'append wrote {written} of {len(record)} bytes')
        self.reopened += 1

    def create(self):
        name = self._fresh('file')
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        fd = self.rec.call('create', os.open, self.path(name), flags, 0o640)
        if fd is None:
            return
        self.rec.call('write', os.write, fd, name.encode())
        self.rec.call('close', os.close, fd)
        self.names.append(name)

    def remove(self):
        if self.names:
            name = self.names.pop(self.random.randrange(len(self.names)))
            self.rec.call('unlink', os.unlink, self.path(name))

    def make_folder(self):
        name = self._fresh('dir')
        self.rec.call('mkdir', os.mkdir, self.path(name))
        self.folders.append(name)

    def remove_folder(self):
        if self.folders:
            self.rec.call('rmdir', os.rmdir, self.path(self.folders.pop(0)))

    def rename(self):
        old, new = f'chain.{self.renames}', f'chain.{self.renames + 1}'
        self.rec.call('rename', os.rename, self.path(old), self.path(new))
        self.renames += 1

    def rename_over(self):
        name = self._fresh('next')
        self._write(name, name)
        self.rec.call('rename over', os.rename, self.path(name), self.path('over'))
        seen = self.rec.call('read', self._read, 'over')
        self.rec.check(seen == name, f'after a rename over it, the target holds {seen!r}')

    def exchange(self):
        try:
            start = time.monotonic_ns()
            rename2(self.path('left'), self.path('right'), RENAME_EXCHANGE)
            self.rec.note('exchange', start, time.monotonic_ns())
        except OSError as error:
            # No flags for rename here: a property of the filesystem, seen on the first try only.
            if error.errno in (errno.EINVAL, errno.ENOSYS) and self.exchanges == 0:
                self._steps = [step for step in self._steps if step != self.exchange]
            else:
                self.rec.error(f'exchange: {errno.errorcode.get(error.errno)}')
            return
        self.exchanges += 1
        want = ('left', 'right')[self.exchanges % 2]
        seen = self.rec.call('read', self._read, 'left')
        self.rec.check(seen == want, f'after {self.exchanges} exchanges "left" holds {seen!r}')

    def link(self):
        if self.names:
            name, new = self.random.choice(self.names), self._fresh('link')
            self.rec.call('link', os.link, self.path(name), self.path(new))
            seen = self.rec.call('read', self._read, new)
            self.rec.check(seen == self._content_of(name), f'link to {name} holds {seen!r}')
            self.rec.call('unlink', os.unlink, self.path(new))

    def _content_of(self, name):
        return name

    def symlink(self):
        name = self._fresh('symlink')
        self.rec.call('symlink', os.symlink, f'to {name}', self.path(name))
        seen = self.rec.call('readlink', os.readlink, self.path(name))
        self.rec.check(seen == f'to {name}', f'symlink {name} points to {seen!r}')
        self.rec.call('unlink', os.unlink, self.path(name))

    def mknod(self):
        name = self._fresh('fifo')
        self.rec.call('mknod', os.mkfifo, self.path(name), 0o600)
        info = self.rec.call('stat', os.lstat, self.path(name))
        self.rec.check(info and stat.S_ISFIFO(info.st_mode), f'{name} is no fifo')
        self.rec.call('unlink', os.unlink, self.path(name))

    def attributes(self):
        if self.xattrs is False or not self.names:
            return
        path, name = self.path(self.random.choice(self.names)), f'user.{self._fresh("x")}'
        if self.xattrs is None:
            try:
                os.setxattr(path, 'user.try', b'1')
                os.removexattr(path, 'user.try')
                self.xattrs = True
            except OSError as error:
                if error.errno not in (errno.ENOTSUP, errno.ENOSYS, errno.EPERM):
                    self.rec.error(f'setxattr: {errno.errorcode.get(error.errno)}')
                self.xattrs = False
                return
        self.rec.call('setxattr', os.setxattr, path, name, name.encode(), os.XATTR_CREATE)
        seen = self.rec.call('getxattr', os.getxattr, path, name)
        self.rec.check(seen == name.encode(), f'attribute {name} is {seen!r}')
        self.rec.call('removexattr', os.removexattr, path, name)

    def mode_and_times(self):
        if self.names:
            path = self.path(self.random.choice(self.names))
            mode, when = self.random.choice((0o600, 0o644, 0o700)), self.random.randrange(1 << 30)
            self.rec.call('chmod', os.chmod, path, mode)
            self.rec.call('utime', os.utime, path, (when, when))
            info = self.rec.call('stat', os.stat, path)
            if info:
                self.rec.check(stat.S_IMODE(info.st_mode) == mode and info.st_mtime == when,
                               f'{path}: mode {info.st_mode:o} mtime {info.st_mtime}, '
                               f'should be {mode:o} {when}')

    # -- data in an open file ---------------------------------------------------------------------

    def overwrite(self):
        number, byte = self.random.randrange(BLOCKS), bytes([self.random.randrange(256)])
        written = self.rec.call('pwrite', os.pwrite, self.data, byte * BLOCK, number * BLOCK)
        self.rec.check(written == BLOCK, f'pwrite wrote {written} of {BLOCK} bytes')
        self.blocks[number] = byte
        if self.random.random() < 0.2:
            self.rec.call('fsync', os.fsync, self.data)

    def read_back(self):
        number = self.random.randrange(BLOCKS)
        seen = self.rec.call('pread', os.pread, self.data, BLOCK, number * BLOCK)
        self.rec.check(seen == self.blocks[number] * BLOCK, f'block {number} is not what was written')

    def truncate(self):
        keep = self.random.randrange(BLOCKS // 2, BLOCKS)
        self.rec.call('ftruncate', os.ftruncate, self.data, keep * BLOCK)
        self.rec.call('ftruncate', os.ftruncate, self.data, BLOCKS * BLOCK)
        self.blocks[keep:] = [bytes([0])] * (BLOCKS - keep)

    def lock(self):
        self.rec.call('lock', fcntl.lockf, self.data, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.rec.call('unlock', fcntl.lockf, self.data, fcntl.LOCK_UN)

    # -- directory streams ------------------------------------------------------------------------

    def listing(self):
        names = self.rec.call('list', os.listdir, self.path('listed'))
        self.rec.check(names is not None and sorted(names) == self._all_names(),
                       f'a listing has {len(names or [])} entries, should be {LISTED}')

    def resume_listing(self):
        """A stream that stays open over many steps and is read a few entries at a time."""
        if self.stream is None:
            self.stream, self.streamed = self.rec.call('opendir', os.scandir, self.path('listed')), []
            return
        for _ in range(self.random.randrange(5, 60)):
            entry = self.rec.call('readdir', next, self.stream, None)
            if entry is None:
                self.rec.check(sorted(self.streamed) == self._all_names(),
                               f'a stream gave {len(self.streamed)} entries, '
                               f'{len(set(self.streamed))} of them different, should be {LISTED}')
                self.stream.close()
                self.stream = None
                return
            self.streamed.append(entry.name)

    @staticmethod
    def _all_names():
        return [f'entry.{number:04}' for number in range(LISTED)]

    # -- the end ----------------------------------------------------------------------------------

    def finish(self):
        """Compares everything with the model, through the mount."""
        if self.stream is not None:
            self.stream.close()
        self.rec.call('fsync', os.fsync, self.log)
        for name, count in (('log', self.appended), ('log2', self.reopened)):
            want = b''.join(b'%011d\n' % number for number in range(count))
            seen = self.rec.call('read', self._read_bytes, name) if count else want
            self.rec.check(seen == want, _log_difference(name, want, seen))
        seen = self.rec.call('read', self._read_bytes, 'data')
        self.rec.check(seen == b''.join(byte * BLOCK for byte in self.blocks),
                       'the data file is not what was written')
        fixed = {'data', 'left', 'right', 'over', 'listed', f'chain.{self.renames}', 'log'}
        fixed |= {'log2'} if self.reopened else set()
        want = fixed | set(self.names) | set(self.folders)
        seen = set(self.rec.call('list', os.listdir, self.dir) or [])
        self.rec.check(seen == want, f'missing {sorted(want - seen)[:5]}, '
                                     f'not expected {sorted(seen - want)[:5]}')
        for name in self.names:
            self.rec.check(self.rec.call('read', self._read, name) == self._content_of(name),
                           f'{name} does not hold what was written')
        for fd in (self.log, self.data):
            self.rec.call('close', os.close, fd)

    def _read_bytes(self, name):
        with open(self.path(name), 'rb') as file:
            return file.read()


def _log_difference(name, want, seen):
    if seen is None:
        return f'{name} cannot be read'
    lines, expected = seen.split(b'\n')[:-1], want.split(b'\n')[:-1]
    lost, extra = set(expected) - set(lines), len(lines) - len(set(lines))
    return (f'{name}: {len(expected)} records appended, {len(lines)} there, '
            f'{len(lost)} lost, {extra} doubled')
