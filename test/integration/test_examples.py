"""The examples that have no tests elsewhere, each used for what it shows."""

import errno
import fcntl
import os
import re
import signal
import socket
import stat
import struct
import subprocess

import pytest

from fusetest import connection, oracle, paths, procs
from fusetest.effects import RENAME_EXCHANGE, RENAME_NOREPLACE, rename2


def errno_of(function, *args):
    try:
        function(*args)
    except OSError as error:
        return error.errno
    return 0


# -- memfs ----------------------------------------------------------------------------------------


@pytest.fixture
def memory(bench):
    return bench.add('memfs', reattach=False).mnt


def test_memfs_files(memory):
    data = os.urandom(300_000)
    (memory / 'file').write_bytes(data)
    assert (memory / 'file').read_bytes() == data
    with open(memory / 'file', 'r+b') as file:
        file.seek(1_000_000)
        file.write(b'end')
        file.flush()
        assert os.fstat(file.fileno()).st_size == 1_000_003
        assert os.pread(file.fileno(), 10, 299_998) == data[-2:] + bytes(8)
        os.truncate(file.fileno(), 5)
    assert (memory / 'file').read_bytes() == data[:5]
    (memory / 'file').write_bytes(b'')
    assert os.stat(memory / 'file').st_size == 0


def test_memfs_names(memory):
    os.mkdir(memory / 'dir')
    (memory / 'dir/a').write_text('a')
    os.link(memory / 'dir/a', memory / 'b')
    assert os.stat(memory / 'b').st_nlink == 2
    os.symlink('dir/a', memory / 'link')
    assert os.readlink(memory / 'link') == 'dir/a' and (memory / 'link').read_text() == 'a'
    os.mkfifo(memory / 'fifo', 0o640)
    assert stat.S_ISFIFO(os.stat(memory / 'fifo').st_mode)
    assert sorted(os.listdir(memory)) == ['b', 'dir', 'fifo', 'link']
    assert os.stat(memory).st_nlink == 3
    assert errno_of(os.rmdir, memory / 'dir') == errno.ENOTEMPTY
    assert errno_of(os.mkdir, memory / 'dir') == errno.EEXIST
    assert errno_of(os.mkdir, memory / ('n' * 256)) == errno.ENAMETOOLONG
    os.unlink(memory / 'dir/a')
    assert (memory / 'b').read_text() == 'a' and os.stat(memory / 'b').st_nlink == 1
    os.rmdir(memory / 'dir')
    assert os.stat(memory).st_nlink == 2


def test_memfs_rename(memory):
    (memory / 'a').write_text('a')
    (memory / 'b').write_text('b')
    os.mkdir(memory / 'dir')
    with pytest.raises(OSError) as failure:
        rename2(memory / 'a', memory / 'b', RENAME_NOREPLACE)
    assert failure.value.errno == errno.EEXIST
    rename2(memory / 'a', memory / 'b', RENAME_EXCHANGE)
    assert (memory / 'a').read_text() == 'b' and (memory / 'b').read_text() == 'a'
    rename2(memory / 'a', memory / 'dir', RENAME_EXCHANGE)
    assert (memory / 'dir').read_text() == 'b' and os.path.isdir(memory / 'a')
    os.rename(memory / 'b', memory / 'dir')
    assert (memory / 'dir').read_text() == 'a'
    os.rename(memory / 'dir', memory / 'a/inside')
    assert os.listdir(memory) == ['a'] and os.listdir(memory / 'a') == ['inside']


def test_memfs_removed_files_live_while_they_are_open(memory):
    with open(memory / 'file', 'w+b') as file:
        os.unlink(memory / 'file')
        file.write(b'still here')
        file.flush()
        file.seek(0)
        assert file.read() == b'still here'
        assert os.fstat(file.fileno()).st_nlink == 0


def test_memfs_lists_directories_that_change(memory):
    names = [f'file {number:04}' for number in range(1000)]
    for name in names:
        (memory / name).touch()
    seen = []
    with os.scandir(memory) as listing:
        for entry in listing:
            seen.append(entry.name)
            os.unlink(entry.path)
    assert sorted(seen) == names
    assert os.listdir(memory) == []


def test_memfs_attributes(memory):
    (memory / 'file').touch()
    os.chmod(memory / 'file', 0o4751)
    os.chown(memory / 'file', 12, 34)
    os.chmod(memory / 'file', 0o4751)
    os.utime(memory / 'file', ns=(1_000_000_001, 2_000_000_002))
    found = os.stat(memory / 'file')
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o4751, 12, 34)
    assert (found.st_atime_ns, found.st_mtime_ns) == (1_000_000_001, 2_000_000_002)
    os.setxattr(memory / 'file', 'user.one', b'1')
    os.setxattr(memory / 'file', 'user.two', b'22')
    assert os.getxattr(memory / 'file', 'user.two') == b'22'
    assert sorted(os.listxattr(memory / 'file')) == ['user.one', 'user.two']
    assert errno_of(os.setxattr, memory / 'file', 'user.one', b'', os.XATTR_CREATE) == errno.EEXIST
    os.removexattr(memory / 'file', 'user.one')
    assert errno_of(os.getxattr, memory / 'file', 'user.one') == errno.ENODATA


# -- printcap -------------------------------------------------------------------------------------


def test_printcap_says_what_the_kernel_can():
    done = subprocess.run([paths.example('printcap')], capture_output=True, text=True, timeout=30,
                          stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stderr
    version = re.search(r'^Protocol version: 7\.(\d+)$', done.stdout, re.M)
    assert version and int(version.group(1)) >= 31
    capabilities = set(re.findall(r'^\tFUSE_CAP_(\w+)$', done.stdout, re.M))
    assert {'ASYNC_READ', 'READDIRPLUS', 'PARALLEL_DIROPS', 'POSIX_ACL'} <= capabilities
    assert 'fuse-printcap' not in open('/proc/self/mounts', encoding='utf-8').read()


# -- hello_ll_uds ---------------------------------------------------------------------------------

LOOKUP, OPEN, READ, INIT = 1, 14, 15, 26


class Peer:
    """The kernel's side of a connection, over a socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        self.unique = 0

    def _read(self, size):
        data = b''
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            assert part, 'the connection ended'
            data += part
        return data

    def ask(self, opcode, node, body, pieces=1):
        """An answer's error and body; the request goes out in that many pieces."""
        self.unique += 2
        message = struct.pack('<IIQQIIIHH', 40 + len(body), opcode, self.unique, node, 0, 0, 0, 0,
                              0) + body
        step = max(1, len(message) // pieces)
        for start in range(0, len(message), step):
            self.socket.sendall(message[start:start + step])
        length, error, unique = struct.unpack('<IiQ', self._read(16))
        assert unique == self.unique
        return error, self._read(length - 16)


@pytest.fixture
def uds(work):
    path = work / 'hello.sock'
    with subprocess.Popen([paths.example('hello_ll_uds'), path], stdin=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as server:
        try:
            assert procs.wait_until(path.is_socket, 15)
            yield path, server
        finally:
            server.kill()
            server.wait(timeout=10)


@pytest.mark.parametrize('pieces', [1, 7])
def test_hello_over_a_socket(uds, pieces):
    path, server = uds
    peer = Peer(path)
    error, body = peer.ask(INIT, 0, struct.pack('<IIII', 7, 31, 131072, 0), pieces)
    assert error == 0 and struct.unpack_from('<II', body)[0] == 7
    error, body = peer.ask(LOOKUP, 1, b'hello\0', pieces)
    assert error == 0
    node = struct.unpack_from('<Q', body)[0]
    assert peer.ask(LOOKUP, 1, b'other\0', pieces)[0] == -errno.ENOENT
    error, body = peer.ask(OPEN, node, struct.pack('<II', os.O_RDONLY, 0), pieces)
    assert error == 0
    handle = struct.unpack_from('<Q', body)[0]
    error, body = peer.ask(READ, node, struct.pack('<QQIIQII', handle, 0, 4096, 0, 0, 0, 0), pieces)
    assert (error, body) == (0, b'Hello, world!\n')
    peer.socket.close()
    assert server.wait(timeout=15) == 0


def test_a_signal_ends_hello_over_a_socket(uds):
    path, server = uds
    peer = Peer(path)  # which stays connected
    assert peer.ask(INIT, 0, struct.pack('<IIII', 7, 31, 131072, 0))[0] == 0
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=15) == 0


# -- hello ----------------------------------------------------------------------------------------


def test_hello_says_what_it_is_told(bench):
    fs = bench.add('hello', reattach=False, args=['-f', '--name=motd', '--contents=Be careful.'])
    assert os.listdir(fs.mnt) == ['motd']
    assert (fs.mnt / 'motd').read_text() == 'Be careful.'
    assert os.stat(fs.mnt / 'motd').st_size == 11
    assert errno_of(os.open, fs.mnt / 'motd', os.O_WRONLY) == errno.EACCES
    assert errno_of(os.stat, fs.mnt / 'hello') == errno.ENOENT
    assert errno_of(os.mkdir, fs.mnt / 'dir') == errno.ENOSYS


# -- the mirrors ----------------------------------------------------------------------------------


@pytest.fixture(params=['passthrough', 'passthrough_fh'])
def mirror(request, bench):
    return bench.add(request.param, reattach=False)


def test_mirrors_show_what_is_below(mirror):
    (mirror.src / 'a/b').mkdir(parents=True)
    (mirror.src / 'a/file').write_bytes(os.urandom(300_000))
    (mirror.src / 'a/link').symlink_to('file')
    os.link(mirror.src / 'a/file', mirror.src / 'a/b/same')
    os.mkfifo(mirror.src / 'fifo', 0o640)
    for number in range(500):
        (mirror.src / f'a/b/{number}').touch()
    assert oracle.differences(mirror.src, mirror.mnt) == []


def test_mirrors_pass_on_what_is_done(mirror):
    top = mirror.mnt
    (top / 'dir').mkdir()
    data = os.urandom(1_000_003)
    (top / 'dir/file').write_bytes(data)
    os.link(top / 'dir/file', top / 'link')
    os.symlink('dir', top / 'symlink')
    os.rename(top / 'dir/file', top / 'renamed')
    rename2(top / 'renamed', top / 'dir', RENAME_EXCHANGE)
    os.truncate(top / 'link', 500_000)
    os.chmod(top / 'link', 0o640)
    os.chown(top / 'link', 12, 34)
    os.utime(top / 'link', ns=(1_000_000_001, 2_000_000_002))
    os.mkfifo(top / 'fifo')
    with open(top / 'copy', 'wb') as copy, open(top / 'link', 'rb') as source:
        assert os.copy_file_range(source.fileno(), copy.fileno(), 1000) == 1000
        os.posix_fallocate(copy.fileno(), 0, 5000)
        os.fsync(copy.fileno())
    assert (top / 'copy').read_bytes() == data[:1000] + bytes(4000)
    assert oracle.differences(mirror.src, mirror.mnt) == []
    found = os.stat(mirror.src / 'link')
    assert (found.st_uid, found.st_gid, found.st_mtime_ns) == (12, 34, 2_000_000_002)
    assert os.stat(mirror.mnt / 'link').st_ino == found.st_ino


def test_mirrors_keep_removed_files_that_are_open(mirror):
    with open(mirror.mnt / 'file', 'w+b') as file:
        os.unlink(mirror.mnt / 'file')
        assert os.listdir(mirror.mnt) in ([], [name for name in os.listdir(mirror.mnt)
                                               if name.startswith('.fuse_hidden')])
        file.write(b'still here')
        file.flush()
        file.seek(0)
        assert file.read() == b'still here'
    assert procs.wait_until(lambda: os.listdir(mirror.src) == [], 15)


def test_mirrors_make_files_as_their_caller(bench):
    fs = bench.add('passthrough_fh', options=['allow_other'], reattach=False)
    fs.src.chmod(0o777)
    fs.work.chmod(0o755)
    script = f'umask 027; mkdir {fs.mnt}/dir && echo x > {fs.mnt}/dir/file && ln -s x {fs.mnt}/link'
    subprocess.run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'sh', '-c',
                    script], check=True, timeout=30)
    for name, mode in (('dir', 0o750), ('dir/file', 0o640)):
        found = os.lstat(fs.src / name)
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (65534, 65534, mode)
    assert os.lstat(fs.src / 'link').st_uid == 65534


def test_mirror_with_handles_passes_flock_on(bench):
    fs = bench.add('passthrough_fh', reattach=False)
    with open(fs.mnt / 'file', 'w', encoding='ascii') as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)
        with open(fs.src / 'file', encoding='ascii') as below:
            assert errno_of(fcntl.flock, below, fcntl.LOCK_EX | fcntl.LOCK_NB) == errno.EAGAIN
            fcntl.flock(mine, fcntl.LOCK_UN)
            fcntl.flock(below, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize('example', ['passthrough', 'passthrough_fh'])
def test_mirrors_outlive_their_server(bench, example):
    fs = bench.add(example)
    (fs.mnt / 'dir').mkdir()
    with open(fs.mnt / 'dir/file', 'w+b', buffering=0) as file:
        file.write(b'one,')
        for text in (b'two,', b'three'):
            first = fs.server()
            fs.kill_server()
            file.write(text)
            assert fs.server() != first
        file.seek(0)
        assert file.read() == b'one,two,three'
    assert os.listdir(fs.mnt / 'dir') == ['file']
    assert oracle.differences(fs.src, fs.mnt) == []


# -- null -----------------------------------------------------------------------------------------


def test_null_is_a_file_without_a_bottom(work):
    mountpoint = work / 'sink'
    mountpoint.touch()
    with subprocess.Popen([paths.example('null'), '-f', '--size=100000', mountpoint],
                          stdin=subprocess.DEVNULL) as server:
        try:
            assert procs.wait_until(lambda: connection.find(mountpoint), 15)
            with open(mountpoint, 'r+b', buffering=0) as file:
                assert file.write(b'x' * 50_000) == 50_000
                assert os.pread(file.fileno(), 1000, 99_500) == bytes(500)
                assert os.fstat(file.fileno()).st_size == 100_000
            subprocess.run(['umount', mountpoint], check=True, timeout=30)
            assert server.wait(timeout=15) == 0
        finally:
            if mount := connection.find(mountpoint):
                connection.abort(mount.number)
                connection.detach(mountpoint)
            server.kill()


# -- invalidate_path ------------------------------------------------------------------------------


def test_invalidated_paths_are_asked_for_again(bench):
    fs = bench.add('invalidate_path', args=['-f', '--update-interval=1'], reattach=False)
    (fs.mnt / 'time').read_text()
    size = os.stat(fs.mnt / 'growing').st_size
    first = (fs.mnt / 'time').read_text()
    assert first.startswith('The current time is ')
    assert procs.wait_until(lambda: (fs.mnt / 'time').read_text() != first, 30)
    assert procs.wait_until(lambda: os.stat(fs.mnt / 'growing').st_size > size, 30)


def test_without_invalidation_the_kernel_keeps_what_it_has(bench):
    """The same time that was seen once, for as long as another mount needs to show a new one."""
    kept = bench.add('invalidate_path', args=['-f', '--no-notify', '--update-interval=1'],
                     reattach=False)
    shown = bench.add('invalidate_path', args=['-f', '--update-interval=1'], reattach=False)
    first, other = (kept.mnt / 'time').read_text(), (shown.mnt / 'time').read_text()
    for _ in range(2):
        assert procs.wait_until(lambda: (shown.mnt / 'time').read_text() != other, 30)
        other = (shown.mnt / 'time').read_text()
    assert (kept.mnt / 'time').read_text() == first
