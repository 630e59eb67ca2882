"""The first operation after a kill takes a time that does not grow with what the kernel knows of
the mount. Only ratios within one run are judged: how fast the machine is does not matter."""

import contextlib
import ctypes
import json
import os
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fusetest import connection, paths, procs

OPEN_FILES, SAMPLE = 10_000, 500
# Of each kind of first operation, for each mount. The mounts take turns.
KILLS, LONG_KILLS = 15, 75
GROWTH = 3
# A server that has only just come back says so a moment after its first answer.
SETTLE_SECONDS = 0.02

# Opens what it reads, says so, and keeps it until there is nothing more to read. One process may
# not open as many files as are wanted.
HOLD = """
import os, sys
held = [os.open(line.rstrip(), os.O_RDONLY) for line in iter(sys.stdin.readline, "\\n")]
print(len(held), flush=True)
sys.stdin.read()
"""
HELD_BY_ONE = 9000

_libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_STATX_FORCE_SYNC, BASIC_STATS = -100, 0x2000, 0x7ff


class Layout:
    """What manyfs_ll shows when it is told these numbers; see there."""

    FACTOR, WORD = 0x9e37_79b9_7f4a_7c15, 1 << 64

    def __init__(self, dirs, files):
        self.dirs, self.files = dirs, files

    def options(self):
        return [f'dirs={self.dirs}', f'files={self.files}']

    def all_files(self):
        return [(folder, file) for folder in range(self.dirs) for file in range(self.files)]

    @staticmethod
    def name(file):
        return f'd{file[0]:03}/f{file[1]:04}'

    def number(self, file):
        return 2 + self.dirs + file[0] * self.files + file[1]

    def content(self, file):
        number = self.number(file)
        size = 1000 + number % 3000
        words = [(number * self.FACTOR + i) % self.WORD for i in range(size // 8 + 1)]
        return struct.pack(f'<{len(words)}Q', *words)[:size]


def stat_from_server(path):
    """Inode number and size as the server says now, whatever the kernel has cached."""
    buffer = ctypes.create_string_buffer(256)
    if _libc.statx(AT_FDCWD, os.fsencode(path), AT_STATX_FORCE_SYNC, BASIC_STATS, buffer) != 0:
        raise OSError(ctypes.get_errno(), 'statx', str(path))
    return struct.unpack_from('<QQ', buffer, 32)


class Scene:
    """A mount with some amount of things known to the kernel, and the times its recoveries took."""

    def __init__(self, bench, name, layout, rng, hold_open):
        self.name, self.layout, self.fds, self.others = name, layout, {}, []
        self.times, self.at_work = {'read': [], 'stat': []}, None
        self.fs = bench.add(str(paths.tool('manyfs_ll')), options=layout.options())
        for folder in range(layout.dirs):
            assert len(os.listdir(self.fs.mnt / f'd{folder:03}')) == layout.files
        for file in layout.all_files()[:hold_open]:
            self.fds[file] = os.open(self.path(file), os.O_RDONLY)
        # The server takes a long time to come around to the same file.
        self.probes = layout.all_files()
        rng.shuffle(self.probes)
        self.taken = 0

    def path(self, file):
        return self.fs.mnt / self.layout.name(file)

    def known(self):
        """Nodes that the kernel knows and files that are open, by the library's counters and by
        what is in its tables. While something is being counted the two may differ."""
        figures = self.fs.figures()
        return {name: figures[name] for name in ('nodes', 'nodes_counted', 'handles',
                                                 'handles_counted')}

    def must_know(self, nodes, handles):
        """FORGET and RELEASE come after the calls that cause them have returned."""
        wanted = {'nodes': nodes, 'nodes_counted': nodes, 'handles': handles,
                  'handles_counted': handles}
        procs.wait_until(lambda: self.known() == wanted, 60, 0.05)
        assert self.known() == wanted, self.name
        self.at_work = self.at_work or wanted

    def kill_and_use(self, kind):
        """Kills the server and measures the first operation, which begins at once."""
        file = self.probes[self.taken % len(self.probes)]
        self.taken += 1
        path = str(self.path(file))
        use = self._read if kind == 'read' else stat_from_server
        moment = self.fs.kill_server()
        seen = use(path)
        self.times[kind].append((time.monotonic_ns() - moment) / 1e6)
        expected = self.layout.content(file)
        if kind == 'stat':
            expected = (self.layout.number(file), len(expected))
        assert seen == expected, f'{kind} of {path} gave something else'

    @staticmethod
    def _read(path):
        fd = os.open(path, os.O_RDONLY)
        try:
            return os.pread(fd, 8192, 0)
        finally:
            os.close(fd)

    def check_open_files(self, rng):
        for file in rng.sample(sorted(self.fds), min(SAMPLE, len(self.fds))):
            assert os.pread(self.fds[file], 8192, 0) == self.layout.content(file), self.path(file)

    def hold_by_others(self, count):
        """The next files are held open by processes of their own."""
        files = self.layout.all_files()[len(self.fds):][:count]
        for first in range(0, count, HELD_BY_ONE):
            part = files[first:first + HELD_BY_ONE]
            process = subprocess.Popen([sys.executable, '-c', HOLD], text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.others.append(process)
            process.stdin.write(''.join(f'{self.path(file)}\n' for file in part) + '\n')
            process.stdin.flush()
            assert process.stdout.readline() == f'{len(part)}\n'

    def close_files(self):
        while self.others:
            process = self.others.pop()
            process.stdin.close()
            process.stdout.close()
            process.wait(60)
        while self.fds:
            os.close(self.fds.popitem()[1])

    def median(self):
        return statistics.median(self.times['read'] + self.times['stat'])

    def summary(self):
        everything = sorted(self.times['read'] + self.times['stat'])
        facts = {'kills': len(everything), 'median_ms': self.median(),
                 'p99_ms': everything[len(everything) * 99 // 100], 'nodes': self.at_work['nodes'],
                 'handles': self.at_work['handles']}
        for kind, times in self.times.items():
            facts |= {f'{kind}_median_ms': statistics.median(times), f'{kind}_least_ms': min(times),
                      f'{kind}_most_ms': max(times), f'{kind}_kills': len(times)}
        return facts


def _measure(scenes, rng, kills):
    turns = list(scenes)
    for number in range(2 * kills):
        rng.shuffle(turns)
        for scene in turns:
            time.sleep(SETTLE_SECONDS)
            scene.kill_and_use(('read', 'stat')[number % 2])
    for scene in scenes:
        # What was known stayed known: the probes were of nodes that the kernel had.
        scene.must_know(scene.at_work['nodes'], scene.at_work['handles'])


def _report(scenes, request, capsys, name):
    facts = {scene.name: scene.summary() for scene in scenes}
    junit = request.config.getoption('xmlpath')
    folder = Path(junit).resolve().parent if junit else paths.build_dir()
    file = folder / f'{name}.json'
    file.write_text(json.dumps(facts, indent=2) + '\n', encoding='utf-8')
    with capsys.disabled():
        print(f'\nSIGKILL to the first answer ({file}):')
        for label, fact in facts.items():
            print(f'  {label:20} {fact["kills"]} kills, median {fact["median_ms"]:.2f} ms, '
                  f'p99 {fact["p99_ms"]:.2f} ms   (open and read '
                  f'{fact["read_median_ms"]:.2f}, stat {fact["stat_median_ms"]:.2f}; '
                  f'{fact["nodes"]} nodes, {fact["handles"]} handles)')


def _forget_everything(scenes):
    """The kernel lets go of all it knows; the tables must then hold the root and nothing else."""
    for scene in scenes:
        scene.close_files()
    try:
        Path('/proc/sys/vm/drop_caches').write_text('3')
    except OSError:  # not ours to write in a container
        for scene in scenes:
            connection.drop_unused(scene.fs.mnt)
    for scene in scenes:
        scene.must_know(1, 0)
        assert scene.fs.figures()['records'] == 1, scene.name


def _check_log(scenes, kills):
    for scene in scenes:
        lines = scene.fs.log().splitlines()
        wrong = [line for line in lines if 'wrong' in line or 'ESTALE' in line]
        assert not wrong, f'{scene.name}: {wrong[:5]}'
        figures = scene.fs.figures()
        assert figures['generation'] == 2 * kills + 1
        assert figures['stale'] == figures['poisoned'] == 0


def _no_growth(bench, rng, report, few, others, kills=KILLS):
    scenes = [few, *others]
    _measure(scenes, rng, kills)
    report(scenes)
    for scene in scenes:
        scene.check_open_files(rng)
    _forget_everything(scenes)
    _check_log(scenes, kills)
    for scene in others:
        assert scene.median() < GROWTH * few.median(), f'{scene.name}: the time grows'
    for fs in bench.mounts:
        assert fs.unmount(), fs.leftovers()


@pytest.fixture
def report(request, capsys):
    return lambda scenes: _report(scenes, request, capsys, request.node.name.removeprefix('test_'))


@pytest.fixture
def scene(bench, rng):
    """Makes scenes; what they hold open is closed before their mounts are taken away."""
    made = []

    def make(name, layout, hold_open=0):
        made.append(Scene(bench, name, layout, rng, hold_open))
        return made[-1]

    yield make
    for each in made:
        while each.fds or each.others:
            with contextlib.suppress(OSError):  # of a mount that had to be aborted
                each.close_files()


@pytest.mark.limit(300)
def test_recovery_time_and_tables(bench, rng, scene, report):
    few = scene('10 nodes', Layout(1, 8))
    few.must_know(10, 0)
    opened = scene('10,000 open files', Layout(10, 1000), hold_open=OPEN_FILES)
    opened.must_know(OPEN_FILES + 10 + 1, OPEN_FILES)
    many = scene('100,000 nodes', Layout(100, 1000))
    many.must_know(100_000 + 100 + 1, 0)
    _no_growth(bench, rng, report, few, [opened, many])


@pytest.mark.long
@pytest.mark.limit(900)
def test_recovery_time_and_a_million_nodes(bench, rng, scene, report):
    few = scene('10 nodes', Layout(1, 8))
    few.must_know(10, 0)
    many = scene('1,000,000 nodes', Layout(1000, 1000))
    many.must_know(1_000_000 + 1000 + 1, 0)
    _no_growth(bench, rng, report, few, [many], LONG_KILLS)


@pytest.mark.long
@pytest.mark.limit(900)
def test_recovery_time_and_open_files(bench, rng, scene, report):
    few = scene('10 nodes', Layout(1, 8))
    few.must_know(10, 0)
    some = scene('1,000 open files', Layout(1, 1000), hold_open=1000)
    some.must_know(1000 + 1 + 1, 1000)
    many = scene('100,000 open files', Layout(100, 1000), hold_open=1000)
    many.hold_by_others(99_000)
    many.must_know(100_000 + 100 + 1, 100_000)
    _no_growth(bench, rng, report, few, [some, many], LONG_KILLS)
