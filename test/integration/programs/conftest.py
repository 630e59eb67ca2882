"""Programs that Debian ships, unmodified, on this library: used when nothing is wrong, and used while
their server is killed."""

import os
import random
import threading
import time

import pytest

from fusetest import debian, paths
from fusetest.killer import Killer
from fusetest.program import Program

# The release whose programs stand for those to come.
LATER = 'sid'


@pytest.fixture(params=['healthy', 'killed'])
def killed(request):
    """Every test that takes this runs twice: without reconnect, and with it under kills."""
    if request.param == 'killed' and Program.on_the_system_library():
        pytest.skip('FUSE_TEST_LIBRARY=system: that library does not reconnect')
    return request.param == 'killed'


@pytest.fixture
def high_level():
    """For programs of the high-level API."""
    if not Program.on_the_system_library() and not paths.has_high_level():
        pytest.skip('the high-level API is not in this version')


@pytest.fixture
def mount(bench, killed):
    """Mounts a program: mount(exe, line, ...), where line(fs) gives the command line."""
    def make(exe, line, reattach=killed, **kwargs):
        fs = Program(exe, args=kwargs.pop('args', ()), reattach=reattach, **kwargs)
        fs.line = line(fs)
        bench.take(fs)
        fs.check_library()
        return fs
    return make


@pytest.fixture
def mount_later(mount, unpacked):
    """Mounts a program of a later Debian, which wants libfuse3.so.4, with the C library it was built
    for: mount_later(package, program, arguments), where arguments(fs) follow its name."""
    def make(package, program, arguments):
        packages = [package, 'libc6'] + (['libfuse3-4'] if Program.on_the_system_library() else [])
        root = unpacked(*packages, suite=LATER)
        loader = next(root.glob('usr/lib/*/ld-linux-*.so.*'))

        def line(fs):
            folders = [*fs.library_folders(), loader.parent]
            return [loader, '--library-path', ':'.join(str(folder) for folder in folders),
                    root / 'usr/bin' / program, *arguments(fs)]
        return mount(loader, line, args=['-f'])
    return make


@pytest.fixture
def sample(work):
    """A folder with a tree of files of many sizes, links and folders, the same for every seed."""
    rng, top = random.Random(1), work / 'sample'
    for number in range(60):
        folder = top / f'dir.{number % 7}' / f'sub.{number % 3}'
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f'file.{number}').write_bytes(rng.randbytes(rng.randrange(0, 90_000)))
    (top / 'big').write_bytes(rng.randbytes(3_000_000))
    (top / 'link').symlink_to('dir.1/sub.1/file.1')
    (top / 'empty').mkdir()
    return top


class Readers:
    """Threads that compare what a mount shows with the tree it was made of, until a time is up:
    whole files by name, pieces through a descriptor that stays open, listings, links."""

    def __init__(self, tree, mnt, seconds, seed, threads=3):
        self.errors, self.reads = [], 0
        self._tree, self._mnt = tree, mnt
        self._end = time.monotonic() + seconds
        self._threads = [threading.Thread(target=self._guard, args=(seed + number,), daemon=True)
                         for number in range(threads)]

    def run(self, extra=60):
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join(max(0, self._end - time.monotonic()) + extra)
            if thread.is_alive():
                self.errors.append('a reader hangs')

    def _guard(self, seed):
        try:
            self._work(random.Random(seed))
        except OSError as error:
            self.errors.append(str(error))

    def _work(self, rng):
        names = sorted(str(path.relative_to(self._tree)) for path in self._tree.rglob('*'))
        wanted = (self._tree / 'big').read_bytes()
        kept = os.open(self._mnt / 'big', os.O_RDONLY)
        while time.monotonic() < self._end and not self.errors:
            name = rng.choice(names)
            here, there = self._tree / name, self._mnt / name
            if here.is_symlink():
                same = os.readlink(here) == os.readlink(there)
            elif here.is_dir():
                same = sorted(os.listdir(here)) == sorted(os.listdir(there))
            else:
                same = here.read_bytes() == there.read_bytes()
            at = rng.randrange(len(wanted))
            piece = os.pread(kept, 5000, at)
            if not same:
                self.errors.append(f'{name} is not what it should be')
            if piece != wanted[at:at + 5000]:
                self.errors.append(f'big differs at {at}')
            self.reads += 2
            os.posix_fadvise(kept, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(kept)


@pytest.fixture
def read_under_kills(seed):
    """Reads a mount that must show `tree`, with so many kills a second."""
    def run(fs, tree, seconds=5, per_second=0):
        readers = Readers(tree, fs.mnt, seconds, seed)
        if per_second:
            with Killer(fs, per_second, seed) as killer:
                readers.run()
            print(f'{readers.reads} reads, {len(killer.kills)} kills')
            assert not killer.missed and len(killer.kills) >= seconds * per_second / 3
        else:
            readers.run()
        assert not readers.errors, '\n'.join(readers.errors)
        assert readers.reads > 0
    return run


@pytest.fixture
def installed():
    """installed(name, package): the path of a program that must be there."""
    def find(name, package):
        try:
            return debian.program(name, package)
        except debian.NotObtained as error:
            return pytest.fail(str(error))
    return find


@pytest.fixture
def unpacked():
    """unpacked(package, ...): a folder with what is in these packages."""
    def find(*packages, suite=None):
        try:
            return debian.unpacked(*packages, suite=suite)
        except debian.NotObtained as error:
            return pytest.skip(str(error)) if suite else pytest.fail(str(error))
    return find
