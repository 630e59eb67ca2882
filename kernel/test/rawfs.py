"""A filesystem that speaks the kernel's protocol itself: what the kernel does is seen without a library
between. Its files f0 to f7 and, in the directory d, g0 to g3 are in memory that outlives the server, as are
the notes of what it was sent."""

import ctypes
import errno
import fcntl
import mmap
import os
import pickle
import select
import signal
import socket
import struct
import time
from pathlib import Path

import rawuring

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE = 1, 2, 3, 4, 14, 15, 16, 17, 18
FSYNC, FLUSH, INIT, OPENDIR, INTERRUPT, DESTROY, BATCH_FORGET = 20, 25, 26, 27, 36, 38, 42
READDIR, RELEASEDIR = 28, 29
UNKNOWN = 0  # in the log: a node or handle that this server never gave
NOTIFY_RESEND = 7
ASYNC_READ, BIG_WRITES, WRITEBACK_CACHE, MAX_PAGES, INIT_EXT = 1, 1 << 5, 1 << 16, 1 << 22, 1 << 30
OVER_IO_URING, STALE_OBJECTS, SUCCESSOR = 1 << 41, 1 << 60, 1 << 61
RESEND = 1 << 63
FOPEN_DIRECT_IO, FOPEN_KEEP_CACHE = 1, 2

IOC_REINIT, IOC_BM_REVAL = 229 << 8, 229 << 8 | 1
IOC_CLONE = 2 << 30 | 4 << 16 | 229 << 8
IOC_ATTACH = 1 << 30 | 16 << 16 | 229 << 8 | 32
ATTACH_FORCE = 1

FILES, FILE_SIZE, MAX_WRITE = 8, 1 << 18, 1 << 17
IN_DIRECTORY = 4
ROOT, FIRST, DIRECTORY, NODES = 1, 2, 20, 30  # inode numbers: of files, FIRST and what follows
HEADER = struct.Struct('<IIQQIIIHH')
LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_CHILD_SUBREAPER = 36


class Settings:
    """How a server behaves. `at` names an opcode at whose first request it does `act` instead of
    answering: 'die', 'stop' (then answer when continued), 'hold' (read on, answer none of them). `shift` is by
    how much its node ids differ from the inode numbers, `valid` how many seconds they may be cached.
    With `strict` it knows what it gave itself alone, `other_files` have other inode numbers, and one name may
    be `missing`. With `ring` it has that many entries on a queue over io_uring (rawuring.py); with `resume` it
    goes on without INIT and has what was in hand sent again."""

    def __init__(self, flags=SUCCESSOR, timeout=0, direct=True, at=None, act=None, max_write=MAX_WRITE, shift=0,
                 valid=0, strict=False, other_files=False, missing=None, ring=0, resume=False):
        self.flags, self.timeout, self.direct, self.max_write = flags, timeout, direct, max_write
        self.at, self.act = at, act
        self.shift, self.valid, self.strict = shift, valid, strict
        self.other_files, self.missing = other_files, missing
        self.ring, self.resume = ring, resume


class Store:
    """What outlives a server: contents, sizes, and a log of the requests."""

    def __init__(self, folder):
        self.data = mmap.mmap(-1, (FILES + IN_DIRECTORY) * FILE_SIZE)
        self.sizes = mmap.mmap(-1, (FILES + IN_DIRECTORY) * 8)
        self.log_path = Path(folder) / 'requests'
        self.log_path.touch()

    def size(self, number):
        return struct.unpack_from('<Q', self.sizes, number * 8)[0]

    def set_size(self, number, size):
        struct.pack_into('<Q', self.sizes, number * 8, size)

    def requests(self):
        """(pid of the server, opcode, unique) of everything that was read."""
        return [tuple(int(word) for word in line.split()[:3])
                for line in self.log_path.read_text(encoding='ascii').splitlines()]

    def by_ring(self, pid):
        """The opcodes that one server got over io_uring."""
        lines = [line.split() for line in self.log_path.read_text(encoding='ascii').splitlines()]
        return [int(words[1]) for words in lines if words[0] == str(pid) and words[3:] == ['ring']]

    def sent_to(self, pid):
        """The opcodes that one server read, in their order."""
        return [opcode for server, opcode, _ in self.requests() if server == pid]


class Server:
    """The loop of one server process on a device."""

    def __init__(self, device, store, settings):
        self.device, self.store, self.settings = device, store, settings
        self.log = os.open(store.log_path, os.O_WRONLY | os.O_APPEND)
        self.done = False
        self.known, self.handles = {ROOT}, set()

    def run(self):
        """Until the connection is gone; the errno that said so."""
        while True:
            try:
                data = os.read(self.device, MAX_WRITE + 8192)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue
                return error.errno
            try:
                self._request(data)
            except OSError as error:
                if error.errno != errno.ENOENT:  # the caller may be gone
                    return error.errno

    def _reply(self, reply):
        os.write(self.device, reply)

    def _request(self, data, origin=b''):
        _, opcode, unique, node, *_ = HEADER.unpack_from(data)
        os.write(self.log, b'%d %d %d%b\n' % (os.getpid(), opcode, unique, origin))
        if opcode == self.settings.at and not self.done:
            if self.settings.act == 'hold':
                return
            self.done = True
            os.kill(os.getpid(), signal.SIGKILL if self.settings.act == 'die' else signal.SIGSTOP)
        if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
            self._forget(opcode, node, data[HEADER.size:])
            return
        reply = self._answer(opcode, node, data[HEADER.size:])
        error, reply = (-reply, b'') if isinstance(reply, int) else (0, reply)
        self._reply(struct.pack('<IiQ', 16 + len(reply), error, unique) + reply)

    def _id(self, number):
        """The node id of an inode number; every server has a root."""
        node = number if number == ROOT else FIRST + (number - FIRST + self.settings.shift) % NODES
        self.known.add(node)
        return node

    def _number(self, node):
        return node if node == ROOT else FIRST + (node - FIRST - self.settings.shift) % NODES

    def _is_unknown(self, opcode, node, body):
        if not self.settings.strict or opcode in (INIT, DESTROY, STATFS):
            return False
        if opcode in (READ, WRITE, RELEASE, RELEASEDIR, FSYNC, FLUSH, READDIR) and \
                struct.unpack_from('<Q', body)[0] not in self.handles:
            return True
        return node not in self.known

    def _forget(self, opcode, node, body):
        nodes = {FORGET: [node], INTERRUPT: []}.get(opcode)
        if nodes is None:
            count = struct.unpack_from('<I', body)[0]
            nodes = [struct.unpack_from('<Q', body, 8 + 16 * index)[0] for index in range(count)]
        for node in nodes:
            if self.settings.strict and node not in self.known:
                os.write(self.log, b'%d %d %d\n' % (os.getpid(), UNKNOWN, node))

    def _answer(self, opcode, node, body):
        if self._is_unknown(opcode, node, body):
            os.write(self.log, b'%d %d %d\n' % (os.getpid(), UNKNOWN, node))
            return errno.EBADF
        number = self._number(node)
        if opcode == INIT:
            return self._init(body)
        if opcode == LOOKUP:
            return self._lookup(number, body.rstrip(b'\0').decode())
        if opcode in (GETATTR, SETATTR):
            if opcode == SETATTR and struct.unpack_from('<I', body)[0] & 8:
                self.store.set_size(number - FIRST, struct.unpack_from('<Q', body, 16)[0])
            return struct.pack('<QII', self.settings.valid, 0, 0) + self._attr(number)
        if opcode in (OPEN, OPENDIR):
            handle = os.getpid() << 16 | len(self.handles) if self.settings.strict else 0
            self.handles.add(handle)
            return struct.pack('<QII', handle, FOPEN_DIRECT_IO if self.settings.direct else FOPEN_KEEP_CACHE, 0)
        if opcode in (READ, WRITE):
            return self._transfer(opcode, number, body)
        if opcode == STATFS:
            return bytes(80)
        if opcode in (RELEASE, RELEASEDIR, READDIR, FSYNC, DESTROY):
            return b''
        return errno.ENOSYS

    def _lookup(self, parent, name):
        if name == self.settings.missing:
            return errno.ENOENT
        if parent == ROOT and name == 'd':
            number = DIRECTORY
        else:
            letter, first, count = ('f', FIRST, FILES) if parent == ROOT else ('g', FIRST + FILES, IN_DIRECTORY)
            if name[:1] != letter or not name[1:].isdigit() or int(name[1:]) >= count:
                return errno.ENOENT
            number = first + int(name[1:])
        valid = self.settings.valid
        return struct.pack('<QQQQII', self._id(number), 0, valid, valid, 0, 0) + self._attr(number)

    def _init(self, body):
        offered = struct.unpack_from('<I', body, 12)[0] | struct.unpack_from('<I', body, 16)[0] << 32
        flags = (self.settings.flags | ASYNC_READ | BIG_WRITES | MAX_PAGES | INIT_EXT) & offered
        return struct.pack('<IIIIHHIIHHII20xI', 7, 31, 65536, flags & 0xffffffff, 0, 0,
                           self.settings.max_write, 1, MAX_WRITE // 4096, 0, flags >> 32, 0,
                           self.settings.timeout)

    def _attr(self, number):
        directory = number in (ROOT, DIRECTORY)
        mode, size = (0o40755, 0) if directory else (0o100666, self.store.size(number - FIRST))
        inode = number + 100 if self.settings.other_files and number != ROOT else number
        return struct.pack('<6Q10I', inode, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def _transfer(self, opcode, number, body):
        _, offset, size = struct.unpack_from('<QQI', body)
        number -= FIRST
        start = number * FILE_SIZE + offset
        if opcode == READ:
            return self.store.data[start:start + max(0, min(size, self.store.size(number) - offset))]
        if offset + size > FILE_SIZE:
            return errno.EFBIG
        self.store.data[start:start + size] = body[40:40 + size]
        self.store.set_size(number, max(self.store.size(number), offset + size))
        return struct.pack('<II', size, 0)


class RingServer(Server):
    """The same over io_uring; what the kernel sends over the device alone is read there, too."""

    def __init__(self, device, store, settings):
        super().__init__(device, store, settings)
        self.ring = rawuring.Ring(device, settings.ring, MAX_WRITE)
        self.reply_to = None
        # What made the device readable may be dropped by the kernel when it is read
        os.set_blocking(device, False)

    def _reply(self, reply):
        if self.reply_to is None:
            os.write(self.device, reply)
        else:
            self.ring.commit(self.reply_to, reply)
            self.reply_to = None

    def _read(self):
        try:
            data = os.read(self.device, MAX_WRITE + 8192)
        except BlockingIOError:
            return UNKNOWN
        self._request(data)
        return HEADER.unpack_from(data)[1]

    def run(self):
        registered = False
        if self.settings.resume:
            registered = True
            os.write(self.device, struct.pack('<IiQ', 16, NOTIFY_RESEND, 0))
            self.ring.register()
        poll = select.poll()
        poll.register(self.device, select.POLLIN)
        poll.register(self.ring.fd, select.POLLIN)
        try:
            while True:
                ready = dict(poll.poll())
                if ready.get(self.device, 0) & select.POLLIN:
                    opcode = self._read()
                    if opcode == INIT and not registered:
                        registered = True
                        self.ring.register()
                elif ready.get(self.device, 0):
                    return errno.ENODEV
                for entry, data in self.ring.requests():
                    self.reply_to = entry
                    self._request(data, b' ring')
                    self.reply_to = None
        except OSError as error:
            return error.errno


class Nursery:
    """Starts servers from a process that was forked before the mount was there: one with an open file of
    its own mount could not end, since closing that waits for the server."""

    def __init__(self, store):
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)  # the servers are our children to wait for
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self._socket.close()
                self._serve(theirs, store)
            finally:
                os._exit(0)
        theirs.close()

    @staticmethod
    def _serve(theirs, store):
        while True:
            message, fds, _, _ = socket.recv_fds(theirs, 4096, 1)
            if not message:
                return
            back, pid = os.pipe()
            between = os.fork()
            if between == 0:
                server = os.fork()
                if server == 0:
                    for fd in (theirs.fileno(), back, pid):
                        os.close(fd)
                    settings = pickle.loads(message)
                    os._exit((RingServer if settings.ring else Server)(fds[0], store, settings).run())
                os.write(pid, str(server).encode())
                os._exit(0)
            os.waitpid(between, 0)  # from now on it is the child of the tests
            answer = os.read(back, 64)
            for fd in (fds[0], back, pid):  # before the test goes on: no server but that one has the device
                os.close(fd)
            theirs.send(answer)

    def start(self, device, settings):
        socket.send_fds(self._socket, [pickle.dumps(settings)], [device])
        return int(self._socket.recv(64))

    def close(self):
        if self.pid:
            self._socket.close()
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0


def attach(device, mount, generation, flags=0):
    fcntl.ioctl(device, IOC_ATTACH, struct.pack('<IIQ', mount, flags, generation))


class Mount:
    """A mount with the means to end its servers and to start others."""

    def __init__(self, folder, settings=None, owner=0):
        self.folder, self.point = Path(folder), Path(folder) / 'mnt'
        self.point.mkdir()
        self.store, self.pids = Store(folder), []
        self.settings = settings or Settings()
        self._nursery = Nursery(self.store)
        device = os.open('/dev/fuse', os.O_RDWR)
        options = f'fd={device},rootmode=40000,user_id={owner},group_id={owner},allow_other'.encode()
        if LIBC.mount(b'raw', bytes(self.point), b'fuse', 6, options) != 0:
            raise OSError(ctypes.get_errno(), 'mount')
        self.fork(device, self.settings)
        os.close(device)
        os.stat(self.point)
        self.root = os.open(self.point, os.O_PATH)
        self.number = os.minor(os.fstat(self.root).st_dev)

    def fork(self, device, settings):
        pid = self._nursery.start(device, settings)
        self.pids.append(pid)
        return pid

    def kill(self, pid=None):
        """Kills the server and waits until its device is closed."""
        pid = pid or self.pids[-1]
        os.kill(pid, signal.SIGKILL)
        self.reap(pid)

    def reap(self, pid):
        """The exit status of a server that ends, -9 when it was killed."""
        self.pids.remove(pid)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def succeed(self, generation=None, settings=None, flags=0):
        """A new server that attached; its pid."""
        device = os.open('/dev/fuse', os.O_RDWR)
        try:
            attach(device, self.root, self.generation() if generation is None else generation, flags)
            return self.fork(device, settings or Settings(self.settings.flags, self.settings.timeout,
                                                          self.settings.direct))
        finally:
            os.close(device)

    def control(self, name):
        return Path(f'/sys/fs/fuse/connections/{self.number}/{name}')

    def generation(self):
        return int(self.control('generation').read_text())

    def wait_generation(self, wanted):
        wait_until(lambda: self.generation() == wanted, f'generation {wanted}')

    def unmount(self, flags=0):
        os.close(self.root)
        self.root = -1
        if LIBC.umount2(bytes(self.point), flags) != 0:
            raise OSError(ctypes.get_errno(), 'umount')

    def stop(self):
        self._nursery.close()
        for pid in list(self.pids):
            self.kill(pid)
        if self.root >= 0:
            try:
                self.control('abort').write_text('1')
            except FileNotFoundError:
                pass
            self.unmount(2)  # MNT_DETACH


def wait_until(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f'no {what} in {seconds} s'
        time.sleep(0.005)
