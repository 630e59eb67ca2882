"""Directories that have another inode number with each server, as fuse-overlayfs gives those it merges
(test/tools/shuffled_ll.c, folders): they stay the directories they are."""

import errno
import os
import threading

import pytest

from fusetest import connection, paths
from fusetest.killer import Killer
from fusetest.syscalls import RENAME_EXCHANGE, renameat2

DEPTH = ['a', 'b', 'c']


@pytest.fixture
def fs(bench):
    fs = bench.add(str(paths.build_dir() / 'test/tools/shuffled_ll'), start=False)
    fs.options += [f'source={fs.src}', 'folders']
    folder = fs.src
    for name in DEPTH:
        folder = folder / name
        folder.mkdir()
        (folder / 'file').write_text(name)
    (fs.src / 'other').mkdir()
    (fs.src / 'other' / 'file').write_text('other')
    return fs.start()


@pytest.fixture
def opened():
    """Opens directories that are closed at the end."""
    held = []

    def open_it(path):
        held.append(os.open(path, os.O_RDONLY | os.O_DIRECTORY))
        return held[-1]

    yield open_it
    for fd in held:
        os.close(fd)


def content(folder):
    with open(os.open('file', os.O_RDONLY, dir_fd=folder), encoding='utf-8') as file:
        return file.read()


def test_numbers_do_change(fs):
    before = os.stat(fs.mnt / 'a').st_ino
    fs.recover()
    assert os.stat(fs.mnt / 'a').st_ino != before


def test_open_directories(fs, opened):
    held = {name: opened(fs.mnt.joinpath(*DEPTH[:i + 1])) for i, name in enumerate(DEPTH)}
    for _ in range(4):
        for name, fd in held.items():
            fs.kill_server()
            assert content(fd) == name
            fs.kill_server()
            assert 'file' in os.listdir(fd)
        fs.kill_server()
        assert os.stat('b/c/file', dir_fd=held['a']).st_size == 1
        # By their names, which the kernel asks for again, they are the same.
        for i, name in enumerate(DEPTH):
            fs.kill_server()
            assert fs.mnt.joinpath(*DEPTH[:i + 1], 'file').read_text() == name
            assert os.path.samestat(os.stat(fs.mnt.joinpath(*DEPTH[:i + 1])), os.fstat(held[name]))


def test_looked_up_before_it_is_used(fs, opened):
    """A LOOKUP by the kernel is the first that meets the new number."""
    fd = opened(fs.mnt / 'a')
    deep = opened(fs.mnt / 'a/b/c')
    for _ in range(4):
        fs.recover()
        os.stat(fs.mnt / 'a')
        assert content(fd) == 'a'
        assert content(deep) == 'c'


def test_moved(fs, opened):
    fd = opened(fs.mnt / 'a/b')
    os.rename(fs.mnt / 'a/b', fs.mnt / 'other/moved')
    fs.recover()
    assert content(fd) == 'b'
    fs.recover()
    assert (fs.mnt / 'other/moved/c/file').read_text() == 'c'
    assert content(fd) == 'b'
    assert not os.path.lexists(fs.mnt / 'a/b')


def test_exchanged(fs, opened):
    first, second = opened(fs.mnt / 'a'), opened(fs.mnt / 'other')
    renameat2(fs.mnt / 'a', fs.mnt / 'other', RENAME_EXCHANGE)
    for _ in range(3):
        fs.recover()
        assert (content(first), content(second)) == ('a', 'other')
        assert (fs.mnt / 'a/file').read_text() == 'other'


def test_removed(fs, opened):
    os.mkdir(fs.mnt / 'empty')
    fd = opened(fs.mnt / 'empty')
    os.rmdir(fs.mnt / 'empty')
    os.mkdir(fs.mnt / 'empty')
    fs.recover()
    with pytest.raises(OSError) as raised:
        os.fstat(fd)
    assert raised.value.errno in (errno.ESTALE, errno.ENOENT)
    assert os.listdir(fs.mnt / 'empty') == []


@pytest.mark.limit(90)
def test_walks_and_renames_under_kills(fs, seed):
    """Two walkers and one that moves a directory to and fro."""
    failures, over = [], threading.Event()

    def walk(path, text):
        while not over.is_set():
            try:
                if (fs.mnt / path).read_text() != text:
                    failures.append(f'{path} has something else')
            except OSError as error:
                failures.append(f'{path}: {error}')

    def move():
        here, there = fs.mnt / 'other', fs.mnt / 'a' / 'moved'
        while not over.is_set():
            try:
                os.rename(here, there)
                if (there / 'file').read_text() != 'other':
                    failures.append('the moved directory is another one')
                os.rename(there, here)
            except OSError as error:
                failures.append(f'move: {error}')
                return

    threads = [threading.Thread(target=walk, args=('a/b/c/file', 'c')),
               threading.Thread(target=walk, args=('a/file', 'a')),
               threading.Thread(target=move)]
    for thread in threads:
        thread.start()
    try:
        with connection.Watchdog(fs.mnt, 60), Killer(fs, 10, seed) as killer:
            enough = killer.wait_for(60)
    finally:
        over.set()
        for thread in threads:
            thread.join(30)
    assert not failures, failures[:5]
    assert enough, f'missed {killer.missed}, kills {killer.kills}'
