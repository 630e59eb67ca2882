"""reattach_unlinked=hide: files of a low-level filesystem that are removed while they are open."""

import errno
import os
import threading

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


def _close_and_remove(folder, over):
    """The kernel does not wait for RELEASE: it goes beside the UNLINK or RENAME that follows."""
    folder.mkdir()
    number = 0
    while not over.is_set():
        number += 1
        path, other = folder / str(number % 3), folder / 'other'
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if number % 3 == 2:
            os.close(os.open(other, os.O_RDWR | os.O_CREAT, 0o600))
        if number % 3 != 1:
            os.close(fd)
        if number % 3 == 2:
            os.rename(other, path)
        os.unlink(path)
        if number % 3 == 1:
            os.close(fd)


def test_nothing_is_left_of_what_is_closed_at_that_moment(fs):
    over, problems = threading.Event(), []

    def work(name):
        try:
            _close_and_remove(fs.mnt / name, over)
        except OSError as error:
            problems.append(str(error))

    threads = [threading.Thread(target=work, args=(name,), daemon=True) for name in 'abc']
    for thread in threads:
        thread.start()
    over.wait(2)
    over.set()
    for thread in threads:
        thread.join(30)
    assert not problems
    assert procs.wait_until(lambda: not list(fs.src.rglob('.fuse_hidden*')), 10)
