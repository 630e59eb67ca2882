"""Files whose reads and writes the kernel does on the files behind, without the server."""

import mmap
import os
import platform
import re
import subprocess

import pytest

from fusetest import paths

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
