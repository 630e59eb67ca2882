"""Programs linked with libfuse 3.14 find what they know in libfuse3.so.3: structures of the old
layout, and reconnect."""

import errno
import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fusetest import connection, load, oracle, paths, procs

FOLDER = paths.build_dir() / 'lib' / 'abi3'
MODES = {'single': (['-f', '-s'], []), 'multi': (['-f'], []), 'clone_fd': (['-f'], ['clone_fd']),
         'writeback': (['-f'], ['writeback'])}


def _libraries(fs):
    """The names of our libraries in the server."""
    with open(f'/proc/{fs.server()}/maps', encoding='utf-8') as maps:
        files = {line.split()[-1] for line in maps if 'libfuse3.so' in line}
    return {os.path.basename(file) for file in files if file.startswith(f'{paths.build_dir()}/')}


@pytest.fixture
def add(bench):
    """Mounts the old program with our library."""
    program = paths.tool('passthrough_ll_3_14')
    if program is None:
        pytest.skip('no libfuse 3.14 is installed to build programs with')

    def make(mode, **kwargs):
        args, options = MODES[mode]
        fs = bench.add(str(program), args=args, options=options,
                       env={'LD_LIBRARY_PATH': str(FOLDER)}, **kwargs)
        assert _libraries(fs) == {'libfuse3.so.3'}
        return fs

    return make


def _use(fs):
    """What goes through each of the structures that differ: open files, buffers, the connection."""
    data = os.urandom(700_001)
    path = fs.mnt / 'file'
    path.write_bytes(data)
    assert (fs.src / 'file').read_bytes() == data
    with open(path, 'r+b', buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        assert os.pread(file.fileno(), len(data), 0) == data
        assert os.pwrite(file.fileno(), b'more', len(data)) == 4
        os.fsync(file.fileno())
    assert path.stat().st_size == len(data) + 4
    folder = fs.mnt / 'folder'
    folder.mkdir()
    names = [f'name.{number}' for number in range(300)]
    for name in names:
        (folder / name).touch()
    assert sorted(os.listdir(folder)) == sorted(names)
    os.rename(folder / names[0], folder / 'renamed')
    os.link(folder / 'renamed', folder / 'linked')
    os.symlink('renamed', folder / 'symlink')
    assert os.readlink(folder / 'symlink') == 'renamed'
    assert os.stat(folder / 'linked').st_nlink == 2
    os.truncate(path, 10)
    assert (fs.src / 'file').read_bytes() == data[:10]
    with pytest.raises(OSError) as caught:
        os.rmdir(folder)
    assert caught.value.errno == errno.ENOTEMPTY
    assert oracle.differences(fs.src, fs.mnt) == []


@pytest.mark.parametrize('reattach', [False, True], ids=['off', 'on'])
@pytest.mark.parametrize('mode', MODES)
def test_healthy(add, mode, reattach):
    _use(add(mode, reattach=reattach))


@pytest.mark.limit(120)
@pytest.mark.parametrize('mode', MODES)
def test_killed_under_work(add, work, seed, mode):
    fs = add(mode)
    load.run(fs, work, ['probe', 'effects'], 4, seed, 6)
    with connection.Watchdog(fs.mnt, 60) as dog:
        assert oracle.differences(fs.src, fs.mnt) == []
    assert not dog.fired


def test_program_is_replaced_by_one_linked_anew(bench, add):
    """What a server keeps with one library, a server with the other one takes over."""
    del add
    place = paths.example(f'hello_ll.3_14.{os.getpid()}')
    fresh = place.with_suffix('.new')
    shutil.copy(paths.tool('hello_ll_3_14'), place)
    try:
        fs = bench.add(str(place), env={'LD_LIBRARY_PATH': str(FOLDER)})
        with open(fs.mnt / 'hello', 'rb', buffering=0) as file:
            text = file.read()
            assert _libraries(fs) == {'libfuse3.so.3'}
            shutil.copy(paths.example('hello_ll'), fresh)
            os.rename(fresh, place)
            fs.recover()
            newest = os.path.realpath(paths.build_dir() / 'lib' / 'libfuse3.so.4')
            assert _libraries(fs) == {os.path.basename(newest)}
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            assert os.pread(file.fileno(), 100, 0) == text
        assert os.listdir(fs.mnt) == ['hello']
        assert fs.unmount(), fs.leftovers()
    finally:
        place.unlink()
        fresh.unlink(missing_ok=True)


def test_help_is_that_of_the_library(add):
    fs = add('single')
    done = subprocess.run([str(fs.exe), '--help'], env=dict(os.environ, LD_LIBRARY_PATH=str(FOLDER)),
                          capture_output=True, text=True, timeout=20, check=True)
    assert 'reattach' in done.stdout


@pytest.mark.parametrize('clone_fd', [False, True], ids=['one', 'clones'])
@pytest.mark.parametrize('version', [30, 31, 32, 34, 35, 312, 314])
def test_every_version_of_the_interface(bench, work, version, clone_fd):
    """A program gets what the FUSE_USE_VERSION it was compiled with means."""
    flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'fuse3 < 3.17'], check=False,
                           capture_output=True, text=True, timeout=20)
    if flags.returncode != 0:
        pytest.skip('no libfuse 3.14 is installed to build programs with')
    program = work / f'every_version_{version}'
    source = Path(__file__).with_name('every_version.c')
    subprocess.run(['cc', '-Wall', '-Wextra', '-Werror', '-D_FILE_OFFSET_BITS=64',
                    f'-DFUSE_USE_VERSION={version}', str(source), '-o', str(program),
                    *flags.stdout.split()], check=True, timeout=60)
    fs = bench.add(str(program), options=['clone_fd'] if clone_fd else [], reattach=False,
                   env={'LD_LIBRARY_PATH': str(FOLDER)})
    assert _libraries(fs) == {'libfuse3.so.3'}
    with open(fs.mnt / 'file', 'rb', buffering=0) as file:
        assert file.read(100) == b'some text'
        assert fcntl.ioctl(file.fileno(), 0xC0044501, bytes(4)) is not None
    assert fs.unmount(), fs.leftovers()
    assert fs.process.wait(20) == 0, fs.log()
