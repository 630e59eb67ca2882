"""What few filesystems of the high-level API use: interrupts, poll, ioctl, bmap, auto_cache, and nodes
that are remembered."""

import array
import ctypes
import fcntl
import os
import select
import signal
import struct
import subprocess
import threading

import pytest

from fusetest import paths, procs

BOX_GET, BOX_SET = 0x80047201, 0x40047202
FIBMAP = 1
libc = ctypes.CDLL(None, use_errno=True)


@pytest.fixture
def rare(bench, work):
    """Mounts rare_hl: rare(options...)."""
    below = work / 'below'
    below.write_text('first')

    def mount(*options, reattach=False, **kwargs):
        fs = bench.add(paths.tool('rare_hl'), options=[f'below={below}', *options],
                       reattach=reattach, **kwargs)
        fs.below = below
        return fs
    return mount


def _drop_caches():
    with open('/proc/sys/vm/drop_caches', 'w', encoding='ascii') as file:
        file.write('2')


# -- interrupts -------------------------------------------------------------------------------------

READER = '''
import os, signal, sys
def wake(*_): raise InterruptedError
signal.signal(signal.SIGUSR2, wake)
fd = os.open(sys.argv[1], os.O_RDONLY)
print('open', flush=True)
try:
    os.read(fd, 10)
except InterruptedError:
    print('interrupted')
'''


def _interrupt_a_reader(fs):
    """A process that reads what takes for ever, and gets a signal; what it says to that."""
    waiting = fs.log().count('waiting')
    reader = subprocess.Popen(['python3', '-c', READER, str(fs.mnt / 'slow')], text=True,
                              stdout=subprocess.PIPE)
    try:
        assert procs.wait_until(lambda: fs.log().count('waiting') > waiting, 20)
        os.kill(reader.pid, signal.SIGUSR2)
        return reader.communicate(timeout=20)[0].split()
    finally:
        reader.kill()
        reader.wait()


@pytest.mark.limit(90)
@pytest.mark.parametrize('options', [['intr'], ['intr', 'intr_signal=34']],
                         ids=['its signal', 'another signal'])
@pytest.mark.parametrize('reattach', [False, True], ids=['off', 'on'])
def test_interrupts_wake_the_operation(rare, options, reattach):
    fs = rare(*options, reattach=reattach)
    for _ in range(3):
        assert _interrupt_a_reader(fs) == ['open', 'interrupted']
    assert fs.log().count('interrupted, woken') == 3


# -- poll, ioctl, bmap ------------------------------------------------------------------------------

@pytest.mark.parametrize('args', [['-f'], ['-f', '-s']], ids=['multi', 'single'])
def test_poll(rare, args):
    fs = rare(args=args)
    bell = os.open(fs.mnt / 'bell', os.O_RDONLY)
    button = os.open(fs.mnt / 'button', os.O_WRONLY)
    try:
        poller = select.poll()
        poller.register(bell, select.POLLIN)
        assert poller.poll(0) == []
        seen = []
        waiter = threading.Thread(target=lambda: seen.extend(poller.poll(30_000)))
        waiter.start()
        assert procs.wait_until(lambda: 'polled' in fs.log(), 20)
        assert os.write(button, b'x') == 1
        waiter.join(30)
        assert seen == [(bell, select.POLLIN)]
        assert poller.poll(0) == [(bell, select.POLLIN)]
    finally:
        os.close(bell)
        os.close(button)


def test_ioctl(rare):
    fs = rare()
    with open(fs.mnt / 'box', 'rb') as box:
        assert fcntl.ioctl(box, BOX_SET, struct.pack('i', 41)) == struct.pack('i', 41)
        number = array.array('i', [0])
        assert fcntl.ioctl(box, BOX_GET, number) == 0
        assert number[0] == 41
        with pytest.raises(OSError, match='Invalid argument'):
            fcntl.ioctl(box, BOX_GET + 5, number)
    with open(fs.mnt / 'file', 'rb') as other, pytest.raises(OSError, match='Inappropriate ioctl'):
        fcntl.ioctl(other, BOX_GET, number)


@pytest.fixture
def loop_device(work):
    image = work / 'image'
    with open(image, 'wb') as file:
        file.truncate(1 << 20)
    made = subprocess.run(['losetup', '--find', '--show', str(image)], capture_output=True,
                          text=True, timeout=20, check=False)
    if made.returncode != 0:
        pytest.skip(f'no loop device: {made.stderr.strip()}')
    yield made.stdout.strip()
    subprocess.run(['losetup', '--detach', made.stdout.strip()], timeout=20, check=True)


def test_bmap_of_a_filesystem_on_a_device(rare, loop_device):
    fs = rare('blkdev', f'fsname={loop_device}')
    try:
        mount = fs.mount()
        assert (mount.fstype, mount.source) == ('fuseblk', loop_device)
        size = next(option.partition('=')[2] for option in mount.super_options
                    if option.startswith('blksize='))
        with open(fs.mnt / 'file', 'rb') as file:
            block = array.array('i', [5])
            fcntl.ioctl(file, FIBMAP, block)
        assert block[0] == 105
        assert f'bmap in blocks of {size}' in fs.log()
    finally:
        fs.unmount()


# -- what the kernel keeps --------------------------------------------------------------------------

def _read(fs):
    with open(fs.mnt / 'file', encoding='ascii') as file:
        return file.read()


def _read_alone(fs):
    """Without a look at the attributes, which the kernel would take for a change."""
    fd = os.open(fs.mnt / 'file', os.O_RDONLY)
    try:
        return os.read(fd, 10)
    finally:
        os.close(fd)


def _reads(fs):
    return fs.log().count('read /file')


def _change_below(fs, text):
    before = os.stat(fs.below)
    fs.below.write_text(text)
    os.utime(fs.below, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000_000))


@pytest.mark.parametrize('reattach', [False, True], ids=['off', 'on'])
def test_auto_cache_keeps_what_did_not_change(rare, reattach):
    fs = rare('auto_cache,attr_timeout=0,ac_attr_timeout=0', reattach=reattach)
    assert _read(fs) == 'first'
    asked = _reads(fs)
    assert _read(fs) == 'first'
    assert _reads(fs) == asked
    _change_below(fs, 'other')  # of the same size
    assert _read(fs) == 'other'
    assert _reads(fs) > asked


def test_kernel_cache_keeps_what_changed_as_well(rare):
    fs = rare('kernel_cache,attr_timeout=60,entry_timeout=60')
    assert _read_alone(fs) == b'first'
    _change_below(fs, 'other')
    assert _read_alone(fs) == b'first'


def test_without_either_every_open_reads_again(rare):
    fs = rare('attr_timeout=60,entry_timeout=60')
    assert _read(fs) == 'first'
    asked = _reads(fs)
    assert _read(fs) == 'first'
    assert _reads(fs) > asked


# -- nodes that are remembered ----------------------------------------------------------------------

def _forget_and_look(fs):
    """The file's number before and after the kernel forgot it."""
    before = os.stat(fs.mnt / 'file').st_ino
    _drop_caches()
    return before, os.stat(fs.mnt / 'file').st_ino


@pytest.mark.parametrize('option', ['noforget', 'remember=100'])
def test_remembered_nodes_keep_their_number(rare, option):
    before, after = _forget_and_look(rare(option, 'entry_timeout=0'))
    assert before == after


def _handle_of(path):
    handle = (ctypes.c_ubyte * 136)()
    struct.pack_into('Ii', handle, 0, 128, 0)
    mount_id = ctypes.c_int()
    if libc.name_to_handle_at(-100, str(path).encode(), handle, ctypes.byref(mount_id), 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return handle


def _open_handle(fs, handle):
    mount = os.open(fs.mnt, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fd = libc.open_by_handle_at(mount, handle, os.O_RDONLY)
        if fd < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return fd
    finally:
        os.close(mount)


@pytest.mark.parametrize('reattach', [False, True], ids=['off', 'on'])
def test_file_handles_outlive_the_kernels_cache(rare, reattach):
    """A server of NFS needs that."""
    fs = rare('noforget', reattach=reattach)
    handle = _handle_of(fs.mnt / 'file')
    fd = _open_handle(fs, handle)
    assert os.read(fd, 10) == b'first'
    os.close(fd)
    if reattach:  # which gives no number twice: what is forgotten has none
        return
    _drop_caches()
    fd = _open_handle(fs, handle)
    assert os.read(fd, 10) == b'first'
    os.close(fd)
