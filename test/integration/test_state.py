"""State that cannot be used: a successor refuses it in words or recovers. It never crashes, never
hangs, and never takes another mount's state for its own."""

import os
import random
import shutil
import signal
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from fusetest import connection, paths, procs

CRASHES = ('Segmentation', 'AddressSanitizer', 'runtime error', 'terminate called', 'Assertion',
           'SIGSEGV', 'SIGBUS', 'SIGABRT', 'signal 11', 'signal 7', 'signal 6')


def test_where_state_lies_and_who_may_read_it(bench):
    fs = bench.add('hello_ll')
    names = sorted(path.name for path in fs.runtime.iterdir())
    assert names == sorted([f'{fs.number}.state', f'{fs.number}.sock'])
    assert stat.S_IMODE(fs.state().stat().st_mode) == 0o600
    assert stat.S_IMODE(fs.runtime.stat().st_mode) == 0o700


def test_folder_by_option(bench, work):
    folder = work / 'elsewhere'
    folder.mkdir(mode=0o700)
    fs = bench.add('hello_ll', options=[f'reattach_dir={folder}'])
    assert (folder / f'{fs.number}.state').exists() and not list(fs.runtime.iterdir())
    fs.recover()
    assert fs.unmount() and not list(folder.iterdir())


def test_folder_open_to_others_is_not_used(bench):
    """Who may write there could hand a successor anything: refused, or a private folder below it."""
    fs = bench.add('hello_ll', start=False)
    fs.runtime.chmod(0o777)
    try:
        fs.start()
    except RuntimeError:
        assert str(fs.runtime) in fs.log()
        fs.dirty = True
        return
    states = list(fs.runtime.rglob('*.state'))
    assert len(states) == 1
    assert stat.S_IMODE(states[0].parent.stat().st_mode) == 0o700
    fs.recover()
    assert (fs.mnt / 'hello').read_bytes()
    subprocess.run(['umount', str(fs.mnt)], check=True, timeout=20)
    # The folder stays, and nothing in it.
    assert procs.wait_until(lambda: not procs.tagged(fs.tag) and not list(fs.runtime.rglob('*.*')), 15)
    for folder in fs.runtime.iterdir():
        folder.rmdir()


def test_folder_that_is_not_on_tmpfs(bench):
    """The state is then in memory only, and recovery works as ever."""
    here = Path(tempfile.mkdtemp(prefix='fusetest.', dir=paths.build_dir()))
    here.chmod(0o700)
    try:
        kind = subprocess.run(['stat', '-f', '-c', '%T', str(here)], capture_output=True, text=True,
                              check=True, timeout=10).stdout.strip()
        if kind == 'tmpfs':
            pytest.skip('everything here is on tmpfs')
        fs = bench.add(options=[f'reattach_dir={here}'])
        assert not list(here.glob('*.state')) and len(list(here.glob('*.sock'))) == 1
        fd = os.open(fs.mnt / 'file', os.O_RDWR | os.O_CREAT, 0o600)
        for number in range(5):
            fs.recover()
            assert os.write(fd, b'%d' % number) == 1
        os.close(fd)
        assert (fs.src / 'file').read_text() == '01234'
        assert fs.unmount(), fs.leftovers()
        assert list(here.iterdir()) == []
    finally:
        for fs in bench.mounts:
            fs.stop()
        shutil.rmtree(here)


def _flip(path, rng):
    data = path.read_bytes()[:1 << 16]
    with open(path, 'r+b') as file:
        for _ in range(64):
            at = rng.randrange(min(len(data), 4096))
            file.seek(at)
            file.write(bytes([data[at] ^ (1 << rng.randrange(8))]))


def _shorten(path, length):
    os.truncate(path, length)


DAMAGE = {
    'magic': lambda path, rng: _write(path, 0, b'damaged!'),
    'header': _flip,
    'zeros': lambda path, rng: _write(path, 0, bytes(65536)),
    'random': lambda path, rng: _write(path, 0, rng.randbytes(1 << 20)),
    'tables': lambda path, rng: _write(path, 4096, rng.randbytes(1 << 20)),
    'cut to nothing': lambda path, rng: _shorten(path, 0),
    'cut to a page': lambda path, rng: _shorten(path, 4096),
    'removed': lambda path, rng: path.unlink(),
    'another one in its place': lambda path, rng: _replace(path, rng),
}


def _write(path, offset, data):
    with open(path, 'r+b') as file:
        file.seek(offset)
        file.write(data)


def _replace(path, rng):
    path.unlink()
    path.write_bytes(rng.randbytes(1 << 16))


@pytest.mark.parametrize('damage', DAMAGE)
def test_damaged_state(bench, rng, damage):
    fs = bench.add(options=['reattach_timeout=2'])
    fs.dirty = True  # an aborted connection leaves its mountpoint; the rest is judged below
    fd = os.open(fs.mnt / 'file', os.O_RDWR | os.O_CREAT, 0o600)
    os.write(fd, b'text')
    os.fsync(fd)
    fs.kill_server(signal.SIGSTOP)
    keeper = fs.keeper()
    procs.send(keeper, signal.SIGSTOP)
    fs.kill_server()
    DAMAGE[damage](fs.state(), random.Random(rng.random()))
    procs.send(keeper, signal.SIGCONT)
    with connection.Watchdog(fs.mnt, 30) as dog:
        try:
            seen = os.pread(fd, 100, 0)
            os.statvfs(fs.mnt)
            recovered = True
        except OSError:
            recovered = False
    assert not dog.fired, 'hangs'
    log = fs.log()
    assert not [word for word in CRASHES if word in log], log[-2000:]
    if recovered:
        assert seen == b'text'
        (fs.mnt / 'more').write_text('more')
        assert (fs.src / 'more').read_text() == 'more'
    else:
        assert log.strip(), 'refused without a word'
        assert procs.wait_until(lambda: not procs.tagged(fs.tag), 15), fs.leftovers()
    try:
        os.close(fd)
    except OSError:
        assert not recovered


def _write_sparse(path, data, page=4096):
    """Leaves out what is zero: a container's tmpfs may be as small as 64 MB."""
    with open(path, 'wb') as file:
        for at in range(0, len(data), page):
            if any(data[at:at + page]):
                file.seek(at)
                file.write(data[at:at + page])
        file.truncate(len(data))


def test_old_state_of_the_same_number_is_not_used(bench, work):
    """A file that some earlier mount left under the number this mount gets."""
    first = bench.add('hello_ll')
    number = first.number
    saved = first.state().read_bytes()[:1 << 20]
    assert first.unmount()
    first.dirty = True
    fs = bench.add(start=False)
    # Every number that the next mount may plausibly get.
    for near in range(number - 5, number + 60):
        _write_sparse(fs.runtime / f'{near}.state', saved)
        (fs.runtime / f'{near}.state').chmod(0o600)
    fs.start()
    (fs.mnt / 'file').write_text('x')
    fs.recover()
    assert (fs.mnt / 'file').read_text() == 'x' and (fs.mnt / 'hello').exists() is False
    for path in fs.runtime.glob('*.state'):
        if path != fs.state():
            path.unlink()


def test_state_file_that_is_a_link(bench, work):
    """A link planted under the name must not make the server write through it."""
    victim = work / 'victim'
    victim.write_text('precious')
    fs = bench.add('hello_ll', start=False)
    numbers = [m.number for m in connection.mounts() if m.number < 1 << 20]
    for near in range(max(numbers) + 60):
        (fs.runtime / f'{near}.state').symlink_to(victim)
    try:
        fs.start()
        fs.recover()
    except RuntimeError:
        assert fs.log().strip()
        fs.dirty = True
    assert victim.read_text() == 'precious'
    for path in fs.runtime.glob('*.state'):
        if path.is_symlink():
            path.unlink()
