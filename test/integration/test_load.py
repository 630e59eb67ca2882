"""Applications at work while the server is killed again and again: they see slow calls and nothing
else, and what they leave is what they wrote."""

import os

import pytest

from fusetest import applications, connection, load, oracle
from fusetest.killer import Killer

MODES = {'single': (['-f', '-s'], []), 'multi': (['-f'], []), 'clone_fd': (['-f'], ['clone_fd']),
         'writeback': (['-f'], ['writeback']),
         'writeback-clone_fd': (['-f'], ['writeback', 'clone_fd']),
         'uncached': (['-f'], ['cache=never']),
         'cached': (['-f'], ['cache=always'])}


def _under_kills(bench, work, mode, names, seconds, seed, per_second=6, more=()):
    args, options = MODES[mode]
    fs = bench.add(args=args, options=[*options, *more])
    for folder in (fs.work, work):  # another user has to come by
        folder.chmod(0o711)
    load.run(fs, work, names, seconds, seed, per_second)
    with connection.Watchdog(fs.mnt, 60) as dog:
        found = oracle.differences(fs.src, fs.mnt)
    assert not dog.fired and not found, '\n'.join(found)
    return fs


@pytest.mark.limit(120)
@pytest.mark.parametrize('mode', MODES)
def test_effects_happen_once(bench, work, seed, mode):
    _under_kills(bench, work, mode, ['probe', 'effects'], 5, seed)


@pytest.mark.slow
@pytest.mark.limit(150)
@pytest.mark.parametrize('mode', ['single', 'multi', 'clone_fd', 'writeback'])
def test_applications(bench, work, seed, mode):
    _under_kills(bench, work, mode, ['probe', 'fio', 'sqlite', 'git', 'tar'], 6, seed)


@pytest.mark.slow
@pytest.mark.limit(200)
@pytest.mark.parametrize('mode', ['multi', 'writeback'])
def test_more_applications(bench, work, seed, mode):
    names = [name for name in applications.ALL if name != 'postgres']  # which takes its time
    _under_kills(bench, work, mode, ['probe', *names], 8, seed, 3)


@pytest.mark.long
@pytest.mark.limit(900)
@pytest.mark.parametrize('mode', MODES)
def test_everything_for_minutes(bench, work, seed, mode):
    """All modes together are an hour."""
    # pg_ctl reads a file that PostgreSQL may just be removing.
    options = ['allow_other', 'reattach_unlinked=hide']
    _under_kills(bench, work, mode, ['probe', 'effects', 'fio', 'sqlite', 'git', 'tar',
                                     *applications.ALL], 3600 / len(MODES), seed, 3, options)


@pytest.mark.limit(90)
def test_hello_under_kills(bench, seed):
    fs = bench.add('hello_ll')
    with Killer(fs, 10, seed) as killer, connection.Watchdog(fs.mnt, 60) as dog:
        while len(killer.kills) < 40 and not killer.missed:
            fd = os.open(fs.mnt / 'hello', os.O_RDONLY)
            assert os.pread(fd, 100, 0).lower().startswith(b'hello')
            os.close(fd)
            assert os.listdir(fs.mnt) == ['hello']
            os.statvfs(fs.mnt)
    assert len(killer.kills) >= 40 and not dog.fired
