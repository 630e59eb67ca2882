"""Reading and writing: offsets, appending, cutting, syncing."""

import fcntl
import os

from fusetest import syscalls
from scene import GROUP, OWNER, case, content, pattern


@case
def read_and_write(scene):
    """Whole, in part, at the end and behind it."""
    scene.file('f', pattern(10_000))
    fd = scene.open('f', os.O_RDWR)
    for size in (0, 1, 4095, 4097, 10_000):
        scene.do(os.read, fd, size)
    scene.do(os.lseek, fd, 0, os.SEEK_CUR)
    for size, offset in ((10, 0), (10, 9_995), (10, 10_000), (10, 50_000), (0, 5), (20_000, 3)):
        scene.do(os.pread, fd, size, offset)
    scene.do(os.pread, fd, 1, -1)
    scene.do(os.pwrite, fd, b'x', -1)
    for content, offset in ((b'abc', 0), (b'', 5), (b'over the end', 9_995), (b'far', 30_000),
                            (pattern(5_000, 3), 4_000)):
        scene.do(os.pwrite, fd, content, offset)
        scene.do(os.fstat, fd)
    scene.do(os.lseek, fd, 0, os.SEEK_CUR)
    scene.do(os.write, fd, b'at the position')
    scene.tree()


@case
def write_vectors(scene):
    fd = scene.open('f', os.O_CREAT | os.O_RDWR)
    scene.do(os.writev, fd, [b'one ', b'', b'two ' * 2000, b'three'])
    scene.do(os.pwritev, fd, [b'a', b'b'], 2)
    buffers = [bytearray(5), bytearray(3), bytearray(9000)]
    scene.do(os.preadv, fd, buffers, 1)
    scene.saw('buffers', [bytes(buffer) for buffer in buffers])
    scene.do(os.pwritev, fd, [b'end'], 0, 0x10, what='RWF_APPEND')
    scene.do(os.pwritev, fd, [b'safe'], 0, 0x2, what='RWF_DSYNC')
    scene.do(os.pwritev, fd, [b'x'], 0, 0x4000, what='bad flag')
    scene.tree()


@case
def write_large(scene):
    """More than any one request holds, in sizes around its limits."""
    fd = scene.open('f', os.O_CREAT | os.O_RDWR)
    offset = 0
    for size in (131_071, 131_072, 131_073, 1_048_575, 1_048_576, 1_048_577, 3_000_001):
        scene.do(os.pwrite, fd, pattern(size, size & 0xff), offset)
        offset += size
    scene.do(os.pread, fd, offset, 0)
    scene.do(os.pread, fd, 1_500_000, 77)
    scene.look('f')


@case
def appending(scene):
    """At the end, wherever the position is; also for two who do it in turns."""
    scene.file('f', b'begin ')
    one = scene.open('f', os.O_WRONLY | os.O_APPEND)
    two = scene.open('f', os.O_WRONLY | os.O_APPEND)
    for i in range(5):
        scene.do(os.write, one, b'one%d ' % i)
        scene.do(os.write, two, b'two%d ' % i)
        os.lseek(one, 0, os.SEEK_SET)
    scene.do(os.lseek, one, 0, os.SEEK_CUR)
    scene.do(os.pwrite, one, b'pwrite', 0)  # Linux appends here as well
    scene.do(os.ftruncate, one, 10)
    scene.do(os.write, one, b'after')
    reader = scene.open('f', os.O_RDWR)
    scene.do(os.write, reader, b'BEGIN')
    scene.saw('content', content('f'))


@case
def appending_by_children(scene):
    """Each write is whole, and none is lost."""
    scene.file('f')
    pids = []
    for i in range(4):
        pid = os.fork()
        if pid == 0:
            fd = os.open('f', os.O_WRONLY | os.O_APPEND)
            for _ in range(25):
                os.write(fd, b'%d' % i * 10)
            os._exit(0)  # pylint: disable=protected-access
        pids.append(pid)
    scene.saw('children', [os.waitpid(pid, 0)[1] for pid in pids])
    written = content('f')
    pieces = [written[i:i + 10] for i in range(0, len(written), 10)]
    scene.saw('pieces', sorted(pieces))


@case
def append_turned_on_and_off(scene):
    import fcntl  # pylint: disable=import-outside-toplevel
    scene.file('f', b'0123456789')
    fd = scene.open('f', os.O_RDWR)
    scene.do(os.write, fd, b'a')
    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)
    scene.do(os.write, fd, b'bcd')
    scene.do(os.lseek, fd, 3, os.SEEK_SET)
    fcntl.fcntl(fd, fcntl.F_SETFL, 0)
    scene.do(os.write, fd, b'X')
    scene.saw('flags', fcntl.fcntl(fd, fcntl.F_GETFL) & (os.O_APPEND | os.O_ACCMODE))
    scene.saw('content', content('f'))


@case
def truncating(scene):
    """Shorter, longer, the same; what was cut off does not come back."""
    scene.file('f', pattern(10_000))
    fd = scene.open('f', os.O_RDWR)
    for size in (5_000, 5_001, 4_096, 100, 20_000, 0, 1, 8_192):
        scene.do(os.ftruncate, fd, size)
        scene.do(os.fstat, fd)
        scene.saw('content', content('f'))
        scene.do(os.pwrite, fd, b'mark', size // 2)
    for size in (7, 70_000, 3):
        scene.do(os.truncate, 'f', size)
        scene.saw('content', content('f'))
    scene.do(os.ftruncate, fd, -1)
    scene.do(os.ftruncate, fd, 1 << 62)
    scene.do(os.truncate, 'f', (1 << 63) - 1)
    reader = scene.open('f')
    scene.do(os.ftruncate, reader, 0)
    scene.look('f')


@case
def truncating_open_files(scene):
    """Everybody who has it open sees it."""
    scene.file('f', pattern(9_000))
    one, two = scene.open('f', os.O_RDWR), scene.open('f', os.O_RDWR)
    scene.do(os.pread, two, 9_000, 0)
    scene.do(os.ftruncate, one, 10)
    scene.do(os.pread, two, 9_000, 0)
    third = scene.open('f', os.O_WRONLY | os.O_TRUNC)
    scene.do(os.pread, two, 10, 0)
    scene.do(os.fstat, one)
    scene.do(os.pwrite, third, b'new', 5)
    scene.do(os.pread, two, 10, 0)


@case
def syncing(scene):
    """Everything can be synced, and a descriptor that cannot says so."""
    scene.file('f', b'x')
    scene.folder('d')
    os.mkfifo('p')
    for name, flags in (('f', os.O_RDWR), ('f', os.O_RDONLY), ('d', os.O_RDONLY), ('p', os.O_RDWR),
                        ('f', os.O_PATH)):
        fd = scene.open(name, flags)
        scene.do(os.fsync, fd, what=f'fsync {name}')
        scene.do(os.fdatasync, fd, what=f'fdatasync {name}')
    for flags in (os.O_SYNC, os.O_DSYNC, os.O_DIRECT):
        fd = scene.open('g', os.O_CREAT | os.O_RDWR | flags, what=f'open {flags:o}')
        if fd is not None and flags != os.O_DIRECT:
            scene.do(os.write, fd, b'written')
            scene.do(os.pread, fd, 10, 0)


@case
def several_descriptors(scene):
    """Each has a position of its own, duplicates share one, and children inherit it."""
    scene.file('f', b'abcdefghij')
    one, two = scene.open('f', os.O_RDWR), scene.open('f', os.O_RDWR)
    shared = os.dup(one)
    scene.do(os.read, one, 2)
    scene.do(os.read, two, 2)
    scene.do(os.read, shared, 2)
    scene.child(lambda: scene.do(os.read, one, 2))
    scene.do(os.read, one, 2)
    os.close(one)
    scene.do(os.write, shared, b'X')
    scene.do(os.pread, two, 20, 0)


@case
def file_size_limit(scene):
    """RLIMIT_FSIZE is the kernel's affair, but holds here too."""
    import resource  # pylint: disable=import-outside-toplevel
    import signal  # pylint: disable=import-outside-toplevel
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
    fd = scene.open('f', os.O_CREAT | os.O_RDWR)
    scene.do(os.write, fd, b'x' * 8_000)
    scene.do(os.write, fd, b'y' * 8_000)
    scene.do(os.write, fd, b'z')
    scene.do(os.ftruncate, fd, 20_000)
    scene.do(os.truncate, 'f', 20_000)
    scene.do(syscalls.fallocate, fd, 0, 0, 20_000)
    scene.do(os.fstat, fd)


@case
def written_by_one_read_by_another(scene):
    """Users see each other's writes at once."""
    scene.file('f', b'', 0o666, (OWNER, GROUP))
    with scene.as_user('owner'):
        mine = os.open('f', os.O_RDWR)
    with scene.as_user('stranger'):
        theirs = os.open('f', os.O_RDWR)
        for i in range(20):
            os.write(theirs, b'%d,' % i)
            scene.saw('read', os.pread(mine, 200, 0))
            os.pwrite(mine, b'm', i)
            scene.saw('size', os.fstat(theirs).st_size)
