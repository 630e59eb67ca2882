"""A server whose library knows another layout of the state than the one before it: an earlier layout is
gone on with, over upgrades and kills and back; one from after its time is refused, and who served before
serves again."""

import os
import re

import pytest

from fusetest import paths
from fusetest.workloads import Runner
from test_locks import BUSY, lockers  # noqa: F401  pylint: disable=unused-import
from test_upgrade import (DONE, OLD_ONE_SERVES, built, inside, run_upgrade,  # noqa: F401  pylint: disable=unused-import
                          status)

NOW = 4
LOCKS_SINCE = 3
# The libraries of before do not lie where theirs would be found.
KEEPER = {'FUSE_KEEPER': str(paths.build_dir() / 'util/keeper/fuse-keeper')}
NAMES = [f'entry.{number:04}' for number in range(3000)]


def library(layout):
    """The folder of the library whose newest layout this is."""
    return paths.build_dir() / ('lib' if layout == NOW else f'test/tools/earlier/layout{layout}')


def command(fs, layout):
    return ['env', f'LD_LIBRARY_PATH={library(layout)}', *fs.command()]


def upgrade(fs, layout, expect):
    """A machine that stands still for seconds has an upgrade put off; then once more."""
    for _ in range(3):
        done = run_upgrade(fs, *command(fs, layout))
        if 'not finished in time' not in done.stderr:
            break
    assert done.returncode == expect, '\n'.join((done.stdout, done.stderr, fs.log(), inside(fs)))
    return done.stderr


def layout_of(fs):
    return int(re.search(r'^layout:?\s+(\d+)', inside(fs), re.MULTILINE)[1])


def serves_with(fs):
    """The folder of the library that the server has mapped."""
    with open(f'/proc/{status(fs)["server_pid"]}/maps', encoding='utf-8') as maps:
        return {line.split(maxsplit=5)[5].rpartition('/')[0] for line in maps if 'libfuse3' in line}


class Held:
    """What is open while servers change: a file, a directory half read, a lock."""

    def __init__(self, fs, locker):
        self.fs = fs
        self.file = open(fs.mnt / 'file', 'w+b', buffering=0)
        (fs.mnt / 'folder').mkdir()
        for name in NAMES:
            (fs.src / 'folder' / name).touch()
        self.entries = os.scandir(fs.mnt / 'folder')
        self.seen = [next(self.entries).name for _ in range(5)]
        self.locker, self.holder = locker, locker(fs.mnt / 'file', 'posix')
        assert self.holder.do('lock') == 'done'
        self.rounds = 0

    def check(self, locks=True):
        """The file goes on where it was, and nobody else gets the lock."""
        self.rounds += 1
        self.file.write(b'%d' % self.rounds)
        wanted = b''.join(b'%d' % number for number in range(1, self.rounds + 1))
        assert os.pread(self.file.fileno(), 1000, 0) == wanted
        assert (self.fs.src / 'file').read_bytes() == wanted
        if locks:
            assert self.locker(self.fs.mnt / 'file', 'posix').do('lock') == BUSY

    def end(self):
        """The rest of the directory, each entry once."""
        with self.entries:
            self.seen += [entry.name for entry in self.entries]
        assert sorted(self.seen) == NAMES
        self.holder.end()
        self.file.close()


def at_work(fs, work, seed, seconds):
    return Runner(fs.mnt, work / 'workloads', ['probe', 'effects'], seconds, seed)


def check_work(fs, runner):
    records = runner.wait(60)
    errors = [f'{name}: {text}' for name, record in records.items() for text in record.errors]
    assert not errors, '\n'.join([*errors[:20], fs.log()])
    assert all(record.operations > 0 for record in records.values())


@pytest.mark.limit(150)
@pytest.mark.parametrize('layout', [2, 3])
def test_an_earlier_one_is_gone_on_with(bench, work, seed, lockers, layout):  # noqa: F811
    """To this library and back, twice, with a kill in between, while applications work."""
    fs = bench.add(options=['posix_lock'], env={'LD_LIBRARY_PATH': str(library(layout)), **KEEPER})
    assert layout_of(fs) == layout and serves_with(fs) == {str(library(layout))}
    held = Held(fs, lockers)
    runner = at_work(fs, work, seed, 2)
    try:
        for to in (NOW, layout, NOW):
            upgrade(fs, to, DONE)
            assert serves_with(fs) == {str(library(to))}
            held.check(layout >= LOCKS_SINCE)
        assert fs.figures()['replayed'] == fs.figures()['stale'] == 0
        fs.recover()
        held.check(layout >= LOCKS_SINCE)
        upgrade(fs, layout, DONE)
        check_work(fs, runner)
    finally:
        runner.cancel()
    held.check(layout >= LOCKS_SINCE)
    held.end()
    assert layout_of(fs) == layout and status(fs)['poisoned'] == 0


@pytest.mark.limit(150)
def test_a_later_one_is_refused(bench, work, seed, lockers):  # noqa: F811
    fs = bench.add(options=['posix_lock'], env=KEEPER)
    held = Held(fs, lockers)
    runner = at_work(fs, work, seed, 1)
    try:
        assert 'serves it again' in upgrade(fs, 3, OLD_ONE_SERVES)
        held.check()
        check_work(fs, runner)
    finally:
        runner.cancel()
    assert f'layout version {NOW} and this library knows versions 1 to 3' in fs.log()
    assert layout_of(fs) == NOW and serves_with(fs) == {str(library(NOW))}
    held.end()
    assert fs.figures()['replayed'] == fs.figures()['stale'] == 0
