"""reattach_unlinked=hide: files of a low-level filesystem that are removed while they are open."""

import errno
import os

import pytest

from fusetest import procs

HIDE = 'reattach_unlinked=hide'


@pytest.fixture(params=[['-f', '-s'], ['-f']])
def fs(request, bench):
    return bench.add(args=request.param, options=[HIDE])


def _removed(fs, content=b'0123456789'):
    """A descriptor of a file that has lost its name."""
    path = fs.mnt / 'file'
    path.write_bytes(content)
    fd = os.open(path, os.O_RDWR)
    os.unlink(path)
    return fd


def _nothing_left(fs):
    return procs.wait_until(lambda: os.listdir(fs.src) == [], 10)


def test_usable_after_kills_and_gone_after_close(fs):
    fd = _removed(fs)
    for number in range(3):
        fs.recover()
        assert os.pread(fd, 4, 2) == b'2345'
        assert os.pwrite(fd, b'%d' % number, number) == 1
        assert os.fstat(fd).st_size == 10
    assert os.pread(fd, 10, 0) == b'0123456789'
    os.close(fd)
    assert _nothing_left(fs)


def test_nobody_sees_it(fs):
    fd = _removed(fs)
    (fs.mnt / 'other').write_text('x')
    assert os.listdir(fs.mnt) == ['other']
    fs.recover()
    assert os.listdir(fs.mnt) == ['other']
    hidden = [name for name in os.listdir(fs.src) if name != 'other']
    assert len(hidden) == 1
    with pytest.raises(FileNotFoundError):
        os.stat(fs.mnt / hidden[0])
    os.close(fd)
    assert procs.wait_until(lambda: os.listdir(fs.src) == ['other'], 10)


def test_last_of_several_descriptors(fs):
    first = _removed(fs)
    second = os.open(f'/proc/self/fd/{first}', os.O_RDONLY)
    fs.recover()
    os.close(first)
    fs.recover()
    assert os.pread(second, 3, 0) == b'012'
    os.close(second)
    assert _nothing_left(fs)


def test_closed_while_no_server_runs(fs):
    """The keeper starts the next one, which gets the RELEASE."""
    fd = _removed(fs)
    fs.kill_server()
    os.close(fd)
    assert _nothing_left(fs)


def test_replaced_by_rename(fs):
    path = fs.mnt / 'file'
    path.write_bytes(b'old')
    fd = os.open(path, os.O_RDONLY)
    (fs.mnt / 'new').write_bytes(b'new')
    os.rename(fs.mnt / 'new', path)
    fs.recover()
    assert (os.pread(fd, 3, 0), path.read_bytes(), os.listdir(fs.mnt)) == (b'old', b'new', ['file'])
    os.close(fd)
    assert procs.wait_until(lambda: os.listdir(fs.src) == ['file'], 10)


def test_a_closed_file_is_removed_at_once(fs):
    (fs.mnt / 'file').write_text('x')
    os.unlink(fs.mnt / 'file')
    assert os.listdir(fs.src) == []


def test_stale_without_the_option(bench):
    fs = bench.add()
    fd = _removed(fs)
    fs.recover()
    for call in (lambda: os.pwrite(fd, b'x', 0), lambda: os.close(fd)):
        with pytest.raises(OSError) as error:
            call()
        assert error.value.errno == errno.ESTALE
