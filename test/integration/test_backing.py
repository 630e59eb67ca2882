"""Files whose reads and writes the kernel does on the files behind, without the server."""

import mmap
import os
import platform
import re
import subprocess

import pytest

from fusetest import paths, procs

pytestmark = pytest.mark.skipif(
    tuple(int(part) for part in re.findall(r'\d+', platform.release())[:2]) < (6, 9),
    reason='the kernel is older than 6.9 and has no backing files')

DATA = os.urandom(300_000)


@pytest.fixture(params=['single', 'multi'])
def fs(request, bench):
    """A mount that writes every request it gets to its log."""
    args = ['-f', '-d'] + (['-s'] if request.param == 'single' else [])
    return bench.add(args=args, options=['backing'], reattach=False)


def _asked_for_data(fs):
    return re.findall(r'opcode: (?:READ|WRITE) ', fs.log())


def test_data_does_not_pass_the_server(fs):
    with open(fs.mnt / 'file', 'w+b', buffering=0) as file:
        assert file.write(DATA) == len(DATA)
        assert os.pread(file.fileno(), len(DATA), 0) == DATA
        assert (fs.src / 'file').read_bytes() == DATA
        assert os.fstat(file.fileno()).st_size == len(DATA)
        with mmap.mmap(file.fileno(), len(DATA)) as mapped:
            assert mapped[:] == DATA
            mapped[1000:1007] = b'changed'
        os.fsync(file.fileno())
    assert (fs.src / 'file').read_bytes()[1000:1007] == b'changed'
    assert 'opcode: CREATE' in fs.log()
    assert not _asked_for_data(fs)


def test_several_open_files_of_one(fs):
    (fs.src / 'file').write_bytes(DATA)
    for _ in range(3):  # the last one gives the number back, the next takes another
        first = os.open(fs.mnt / 'file', os.O_RDONLY)
        second = os.open(fs.mnt / 'file', os.O_RDWR | os.O_APPEND)
        assert os.write(second, b'more') == 4
        os.close(second)
        assert os.pread(first, 4, os.fstat(first).st_size - 4) == b'more'
        os.close(first)
    assert (fs.src / 'file').read_bytes() == DATA + 3 * b'more'
    assert not _asked_for_data(fs)


def test_a_file_that_has_no_name_any_more(fs):
    (fs.src / 'file').write_bytes(DATA)
    with open(fs.mnt / 'file', 'rb') as file:
        os.unlink(fs.mnt / 'file')
        assert file.read() == DATA


def test_the_kernel_cannot_collect_writes_as_well(tmp_path):
    command = [paths.example('passthrough_ll'), '-o', f'source={tmp_path},backing,writeback', tmp_path]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert 'backing' in ended.stderr and 'writeback' in ended.stderr


@pytest.fixture(params=['single', 'multi'])
def mortal(request, bench):
    args = ['-f', '-d'] + (['-s'] if request.param == 'single' else [])
    fs = bench.add(args=args, options=['backing'])
    (fs.src / 'file').write_bytes(DATA)
    return fs


def test_an_open_file_keeps_its_own_over_a_kill(mortal):
    with open(mortal.mnt / 'file', 'r+b', buffering=0) as file:
        for number in range(3):
            mortal.recover()
            assert os.pwrite(file.fileno(), b'%d' % number, number) == 1
            assert os.pread(file.fileno(), len(DATA), 0)[:number + 1] == b'012'[:number + 1]
    assert (mortal.src / 'file').read_bytes() == b'012' + DATA[3:]
    assert not _asked_for_data(mortal)


def test_who_opens_it_after_a_kill_gets_the_same(mortal):
    """The kernel allows one for all open files of an inode."""
    path = mortal.mnt / 'file'
    first = os.open(path, os.O_RDWR)
    held = [first]
    for number in range(4):
        mortal.recover()
        held.append(os.open(path, os.O_RDWR | (os.O_CREAT if number % 2 else 0)))
        assert os.pwrite(held[-1], b'new', 10 * number) == 3
        assert os.pread(first, 3, 10 * number) == b'new'
    os.close(held.pop(0))
    held.append(os.open(path, os.O_RDONLY))
    assert os.pread(held[-1], 3, 30) == b'new'
    for fd in held:
        os.close(fd)
    mortal.recover()
    fd = os.open(path, os.O_RDONLY)
    assert os.pread(fd, 3, 20) == b'new'
    os.close(fd)
    assert not _asked_for_data(mortal)


def test_the_kernel_is_not_left_with_what_nobody_uses(mortal):
    """A file that is registered and not given back keeps its space when it is removed."""
    size = 64 << 20

    def free():
        there = os.statvfs(mortal.src)
        return there.f_bfree * there.f_frsize

    before = free()
    (mortal.src / 'big').write_bytes(bytes(size))
    held = []
    for _ in range(3):
        held.append(os.open(mortal.mnt / 'big', os.O_RDWR))
        mortal.recover()
        os.utime(held[-1])  # the successor has to open it, too
    while held:
        os.close(held.pop())
        mortal.recover()
    os.unlink(mortal.mnt / 'big')
    assert procs.wait_until(lambda: mortal.first_answer() and before - free() < size // 2, 20)

