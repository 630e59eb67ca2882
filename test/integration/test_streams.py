"""Directories that are read in parts while servers follow one another, each with an order of its own
(test/tools/shuffled_ll.c): what stays in the directory is seen exactly once."""

import os
from collections import Counter

import pytest

from fusetest import connection, paths, procs
from fusetest.figures import read_figures
from fusetest.syscalls import Listing

NAMES = [f'a name of middling length {i:04}' for i in range(400)]
EVERY = Counter([*NAMES, '.', '..'])


@pytest.fixture(params=['plain', 'single', 'keep', 'late', 'keep-late'])
def shuffled(request, bench):
    kind = request.param
    fs = bench.add(str(paths.build_dir() / 'test/tools/shuffled_ll'), start=False,
                   args=['-f', '-s'] if kind == 'single' else ['-f'])
    fs.options += [f'source={fs.src}', *[o for o in ('keep', 'late') if o in kind]]
    (fs.src / 'd').mkdir()
    for name in NAMES:
        (fs.src / 'd' / name).touch()
    return fs.start()


@pytest.fixture
def stream(shuffled):
    """The directory, opened, with a reader that has a small buffer of its own."""
    with Listing(shuffled.mnt / 'd', 700) as listing:
        yield listing


def read(listing, count):
    """About as many entries."""
    seen = []
    while len(seen) < count and (part := listing.read()):
        seen += part
    return [entry.name for entry in seen]


def test_each_server_has_an_order_of_its_own(shuffled):
    before = os.listdir(shuffled.mnt / 'd')
    shuffled.recover()
    after = os.listdir(shuffled.mnt / 'd')
    assert before != after and sorted(before) == sorted(after)


@pytest.mark.parametrize('kills', [1, 7])
def test_every_entry_once(shuffled, stream, kills):
    seen = []
    for _ in range(kills):
        seen += read(stream, 40)
        shuffled.recover()
    seen += read(stream, 1000)
    assert Counter(seen) == EVERY
    assert Counter(os.listdir(shuffled.mnt / 'd')) == Counter(NAMES)


def test_between_replies_and_within_them(shuffled):
    """Whatever fits into the reader's buffer of what the kernel was given."""
    for size in (64, 300, 5000, 1 << 17):
        with Listing(shuffled.mnt / 'd', size) as stream:
            seen = read(stream, 1)
            shuffled.recover()
            seen += read(stream, 150)
            shuffled.recover()
            seen += read(stream, 1000)
        assert Counter(seen) == EVERY, size


def test_killed_twice_before_a_part_was_read(shuffled, stream):
    seen = read(stream, 100)
    shuffled.recover()
    shuffled.recover()
    seen += read(stream, 60)
    shuffled.kill_server()
    shuffled.kill_server()
    seen += read(stream, 1000)
    assert Counter(seen) == EVERY


def test_what_comes_and_goes_meanwhile(shuffled, stream):
    folder = shuffled.src / 'd'
    seen = read(stream, 100)
    gone = [name for name in NAMES if name not in seen][:50]
    for name in gone:
        (folder / name).unlink()
    for name in seen[10:40]:
        if name in NAMES:
            (folder / name).unlink()
    shuffled.recover()
    for i in range(50):
        (folder / f'new {i}').touch()
    seen += read(stream, 100)
    shuffled.recover()
    seen += read(stream, 1000)
    counts = Counter(seen)
    assert not [name for name in EVERY if name not in gone and counts[name] != 1]
    assert not [name for name in counts if counts[name] > 1]
    assert not set(gone) & set(seen)
    assert set(seen) - set(EVERY) <= {f'new {i}' for i in range(50)}


def test_back_to_where_it_was(shuffled, stream):
    """seekdir() to a place that telldir() gave before the first kill, and to one after it."""
    first = stream.read()
    second = read(stream, 100)
    shuffled.recover()
    third = stream.read()
    fourth = read(stream, 50)
    shuffled.recover()
    stream.seek(third[-1].offset)
    last = read(stream, 1000)
    assert Counter([*(e.name for e in first), *second, *(e.name for e in third), *last]) == EVERY
    assert set(fourth) <= set(last)
    stream.seek(first[-1].offset)
    shuffled.recover()
    again = read(stream, 1000)
    assert Counter([*(e.name for e in first), *again]) == EVERY


def test_anew(shuffled, stream):
    read(stream, 100)
    shuffled.recover()
    stream.seek(0)
    seen = read(stream, 120)
    shuffled.recover()
    seen += read(stream, 1000)
    assert Counter(seen) == EVERY
    stream.seek(0)
    assert Counter(read(stream, 1000)) == EVERY


def test_two_readers_at_different_places(shuffled, stream):
    with Listing(shuffled.mnt / 'd', 1500) as other:
        seen, others = read(stream, 200), read(other, 30)
        for _ in range(4):
            shuffled.recover()
            others += read(other, 50)
            seen += read(stream, 20)
        others += read(other, 1000)
        seen += read(stream, 1000)
    assert Counter(seen) == EVERY and Counter(others) == EVERY
    assert Counter(os.listdir(shuffled.mnt / 'd')) == Counter(NAMES)


def test_lookups_are_counted_right(shuffled, stream):
    """Half a listing with attributes from each server; at the end both sides have forgotten all."""
    seen = read(stream, 90)
    for _ in range(3):
        shuffled.recover()
        seen += read(stream, 70)
        for name in seen[-20:]:
            os.stat(shuffled.mnt / 'd' / name)
    seen += read(stream, 1000)
    assert Counter(seen) == EVERY
    stream.close()
    for name in NAMES:
        os.unlink(shuffled.mnt / 'd' / name)
    os.rmdir(shuffled.mnt / 'd')

    def forgotten():
        figures = read_figures(shuffled.runtime, shuffled.number)
        kept = os.getxattr(shuffled.mnt, 'user.lookups')
        return (figures['nodes'], kept) == (1, b'0')

    assert procs.wait_until(forgotten, 20) is True, shuffled.log()
    assert 'wrong' not in shuffled.log()


@pytest.mark.limit(90)
def test_under_kills(shuffled, rng):
    """Killed at any moment, in the middle of an answer as well."""
    with connection.Watchdog(shuffled.mnt, 60) as dog:
        for _ in range(25):
            with Listing(shuffled.mnt / 'd', rng.choice((200, 1000, 40000))) as stream:
                seen = []
                while part := stream.read():
                    seen += [entry.name for entry in part]
                    if rng.random() < 0.1:
                        shuffled.kill_server()
            assert Counter(seen) == EVERY
    assert not dog.fired
