"""Filesystems of paths under kills: files that are removed while they are open, directories that are
being read, and applications at work."""

import contextlib
import fcntl
import itertools
import os
import threading
import time

import pytest

from fusetest import connection, oracle, paths, procs
from fusetest.killer import Killer
from fusetest.workloads import Runner

HIDDEN = '.fuse_hidden'


def _hidden(folder):
    return [name for name in os.listdir(folder) if name.startswith(HIDDEN)]


def _settled(folder, names):
    """Closing is answered before the server hears of it."""
    return procs.wait_until(lambda: sorted(os.listdir(folder)) == sorted(names), 20) is True


def _targets(folder):
    """What the links in a folder say; others may be making and removing them."""
    targets = []
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            targets.append(os.readlink(f'{folder}/{name}'))
    return targets


@pytest.fixture(params=['numbers', 'no-numbers'])
def mortal(request, bench):
    """A mirror that dies where it is told to, and how to tell it."""
    fs = bench.add(paths.build_dir() / 'test/tools/mortal_hl', start=False)
    control = fs.work / 'die'
    fs.options += [f'source={fs.src}', f'control={control}', 'entry_timeout=0,attr_timeout=0']
    if request.param == 'numbers':
        fs.options.append('numbers')
    fs.start()

    def die_at(moment):
        aside = fs.work / 'die.new'
        aside.write_text(moment)
        aside.rename(control)

    fs.die_at = die_at
    fs.died = lambda: not control.exists()
    return fs


def _open_file(fs, name, text):
    fd = os.open(fs.mnt / name, os.O_RDWR | os.O_CREAT, 0o644)
    os.write(fd, text)
    return fd


def _content(fd):
    return os.pread(fd, 100, 0)


@pytest.mark.limit(60)
@pytest.mark.parametrize('stale', [False, True], ids=['fresh', 'stale'])
@pytest.mark.parametrize('moment', ['hide-before', 'hide-after', 'remove-before', 'remove-after'])
def test_removed_while_open(mortal, moment, stale):
    fd = _open_file(mortal, 'file', b'contents')
    if stale:
        mortal.kill_server()
    if moment.startswith('hide'):
        mortal.die_at(moment)
    os.unlink(mortal.mnt / 'file')
    assert not os.path.exists(mortal.mnt / 'file')
    assert len(_hidden(mortal.src)) == 1 and not os.path.exists(mortal.src / 'file')
    assert _content(fd) == b'contents'
    os.pwrite(fd, b'CON', 0)
    mortal.kill_server()
    assert _content(fd) == b'CONtents'
    if moment.startswith('remove'):
        mortal.die_at(moment)
    os.close(fd)
    assert _settled(mortal.src, [])
    assert procs.wait_until(mortal.died, 20)
    os.statvfs(mortal.mnt)
    assert mortal.figures()['stale'] == 0


@pytest.mark.limit(60)
@pytest.mark.parametrize('stale', [False, True], ids=['fresh', 'stale'])
@pytest.mark.parametrize('moment', ['hide-before', 'hide-after', 'rename-before', 'rename-after'])
def test_replaced_while_open(mortal, moment, stale):
    old = _open_file(mortal, 'target', b'old')
    (mortal.mnt / 'source').write_bytes(b'new')
    if stale:
        mortal.kill_server()
    mortal.die_at(moment)
    os.rename(mortal.mnt / 'source', mortal.mnt / 'target')
    assert mortal.died()
    assert (mortal.mnt / 'target').read_bytes() == b'new'
    assert not os.path.exists(mortal.mnt / 'source')
    assert _content(old) == b'old'
    mortal.kill_server()
    assert _content(old) == b'old'
    os.close(old)
    assert _settled(mortal.src, ['target'])
    assert (mortal.mnt / 'target').read_bytes() == b'new'


@pytest.mark.limit(60)
def test_hidden_file_stays_for_the_last_who_has_it_open(mortal):
    first = _open_file(mortal, 'file', b'contents')
    second = os.open(mortal.mnt / 'file', os.O_RDONLY)
    third = os.open(mortal.mnt / 'file', os.O_RDONLY)
    mortal.kill_server()
    os.unlink(mortal.mnt / 'file')
    mortal.kill_server()
    os.close(first)
    mortal.kill_server()
    assert _content(second) == b'contents'
    os.close(second)
    mortal.kill_server()
    assert _content(third) == b'contents'
    assert len(_hidden(mortal.src)) == 1
    os.close(third)
    assert _settled(mortal.src, [])


@pytest.mark.limit(60)
def test_leftover_of_somebody_else_is_not_removed(mortal):
    """A file that merely has such a name is like any other."""
    name = HIDDEN + '0000000100000001'
    (mortal.src / name).write_bytes(b'not ours')
    fd = os.open(mortal.mnt / name, os.O_RDONLY)
    mortal.kill_server()
    assert _content(fd) == b'not ours'
    os.close(fd)
    mortal.recover()
    assert (mortal.mnt / name).read_bytes() == b'not ours'


@pytest.mark.limit(60)
@pytest.mark.parametrize('example', ['passthrough', 'passthrough_fh'])
def test_removed_at_once_while_open(bench, example):
    """hard_remove: a filesystem that needs paths does not hear of such a file until it is closed, one
    that has said it can do without goes on."""
    fs = bench.add(example, options=['hard_remove'], reattach=False)
    fd = _open_file(fs, 'file', b'text')
    os.unlink(fs.mnt / 'file')
    assert os.listdir(fs.src) == []
    if example == 'passthrough_fh':
        assert _content(fd) == b'text'
        assert os.pwrite(fd, b'more', 4) == 4
        assert _content(fd) == b'textmore'
        os.close(fd)
    else:
        for act in (_content, lambda file: os.pwrite(file, b'more', 4), os.fsync,
                    lambda file: os.ftruncate(file, 1), os.close):
            with pytest.raises(FileNotFoundError):
                act(fd)
    held = f'/proc/{fs.server()}/fd'
    assert procs.wait_until(
        lambda: not any(name.endswith('(deleted)') for name in _targets(held)), 20)
    (fs.mnt / 'another').write_text('served')


@pytest.mark.limit(60)
def test_inode_numbers_stay(mortal):
    names = [f'f{i}' for i in range(20)]
    for name in names:
        (mortal.mnt / name).write_bytes(b'')
    before = {name: os.stat(mortal.mnt / name).st_ino for name in names}
    assert len(set(before.values())) == len(names)
    for _ in range(3):
        mortal.kill_server()
        assert {name: os.stat(mortal.mnt / name).st_ino for name in names} == before


@pytest.mark.limit(90)
@pytest.mark.parametrize('removing', [False, True], ids=['reading', 'removing'])
def test_directory_is_read_on_after_a_kill(mortal, removing):
    names = {f'name{i:04}' for i in range(1500)}
    os.mkdir(mortal.mnt / 'd')
    for name in names:
        (mortal.src / 'd' / name).touch()
    seen = []
    with os.scandir(mortal.mnt / 'd') as entries:
        for i, entry in enumerate(entries):
            seen.append(entry.name)
            # Readers pass over what has none.
            assert entry.inode() != 0
            if removing:
                os.unlink(entry.path)
            if i % 200 == 150:
                mortal.kill_server()
    assert sorted(seen) == sorted(names)
    if removing:
        os.rmdir(mortal.mnt / 'd')


@pytest.mark.limit(90)
@pytest.mark.parametrize('example', ['passthrough', 'passthrough_fh'])
def test_directories_of_examples_are_read_on_after_kills(bench, example):
    """One gives no offsets, the other those of the directory below, of which every server opens its
    own. Two streams that are at different places are read on in turns."""
    fs = bench.add(example)
    names = sorted(f'name{i:04}' for i in range(1500))
    (fs.src / 'd').mkdir()
    for name in names:
        (fs.src / 'd' / name).touch()
    with os.scandir(fs.mnt / 'd') as first, os.scandir(fs.mnt / 'd') as second:
        seen = {first: [], second: []}
        for stream, count in [(first, 700), *[(second, 200), (first, 150)] * 8]:
            seen[stream] += [entry.name for entry in itertools.islice(stream, count)]
            fs.kill_server()
        for stream, before in seen.items():
            assert sorted([*before, *(entry.name for entry in stream)]) == names


def _remove_and_read(fs, worker, seconds, problems):
    """Files that are open are removed, replaced and renamed, and keep their contents."""
    folder = fs.mnt / f'w{worker}'
    folder.mkdir()
    rounds = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end and not problems:
        text = f'{worker} {rounds}\n'.encode() * 20
        name, other = folder / f'a{rounds % 3}', folder / f'b{rounds % 2}'
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        os.write(fd, text)
        if rounds % 3 == 0:
            os.unlink(name)
        elif rounds % 3 == 1:
            victim = os.open(other, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
            os.write(victim, b'victim')
            os.rename(name, other)
            if os.pread(victim, 100, 0) != b'victim' or other.read_bytes() != text:
                problems.append(f'round {rounds}: the replaced file')
            os.close(victim)
        if os.pread(fd, 4096, 0) != text:
            problems.append(f'round {rounds}: the file')
        os.close(fd)
        rounds += 1
    return rounds


@pytest.mark.limit(120)
@pytest.mark.parametrize('args', [['-f', '-s'], ['-f']], ids=['single', 'multi'])
@pytest.mark.parametrize('example', ['passthrough', 'passthrough_fh'])
def test_open_files_are_removed_under_kills(bench, seed, example, args):
    fs = bench.add(example, args=args)
    problems, threads = [], []

    def work(worker):
        try:
            _remove_and_read(fs, worker, 6, problems)
        except OSError as error:
            problems.append(f'worker {worker}: {error}')

    with Killer(fs, 10, seed) as killer:
        for worker in range(3):
            threads.append(threading.Thread(target=work, args=(worker,), daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join(60)
    assert not problems and not any(thread.is_alive() for thread in threads), problems
    assert killer.missed == 0 and len(killer.kills) > 10
    assert procs.wait_until(lambda: not list(fs.src.rglob(HIDDEN + '*')), 20)


@pytest.mark.limit(60)
def test_waiting_for_a_lock_keeps_nobody_from_renaming(mortal):
    """The lock is given back through a path that a waiting rename would bar."""
    fs = mortal
    (fs.mnt / 'd').mkdir()
    (fs.mnt / 'd' / 'file').write_bytes(b'')
    holder = os.open(fs.mnt / 'd' / 'file', os.O_RDWR)
    fcntl.flock(holder, fcntl.LOCK_EX)
    granted = threading.Event()

    def wait_for_it():
        fd = os.open(fs.mnt / 'd' / 'file', os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        granted.set()
        os.close(fd)

    waiter = threading.Thread(target=wait_for_it, daemon=True)
    waiter.start()
    with connection.Watchdog(fs.mnt, 30) as dog:
        assert not granted.wait(0.3)
        os.rename(fs.mnt / 'd', fs.mnt / 'e')
        assert os.listdir(fs.mnt / 'e') == ['file']
        os.close(holder)
        assert granted.wait(20)
    waiter.join(20)
    assert not dog.fired and not waiter.is_alive()


@pytest.mark.slow
@pytest.mark.limit(150)
@pytest.mark.parametrize('example', ['passthrough', 'passthrough_fh'])
@pytest.mark.parametrize('kills', [0, 10], ids=['healthy', 'killed'])
def test_applications(bench, work, seed, example, kills):
    fs = bench.add(example)
    runner = Runner(fs.mnt, work / 'workloads', ['probe', 'effects', 'fio', 'sqlite', 'git', 'tar'], 6,
                    seed)
    killer = Killer(fs, kills, seed) if kills else None
    try:
        if killer:
            killer.start()
        records = runner.wait(60)
    finally:
        if killer:
            killer.stop()
        runner.cancel()
    errors = [f'{name}: {text}' for name, record in records.items() for text in record.errors]
    assert not errors, '\n'.join(errors[:20])
    for name, record in records.items():
        assert record.operations > 0, f'{name} did nothing'
    with connection.Watchdog(fs.mnt, 60) as dog:
        found = oracle.differences(fs.src, fs.mnt)
    assert not dog.fired and not found, '\n'.join(found)
    assert not list(fs.src.rglob(HIDDEN + '*'))
