"""Successors that kept nothing: what their predecessors named is stale, and is found again by its name."""

import errno
import fcntl
import mmap
import os
import random
import threading
import time

import pytest

import rawfs
from rawfs import FSYNC, FLUSH, LOOKUP, OPEN, READ, RELEASE, STALE_OBJECTS, SUCCESSOR, UNKNOWN, WRITE, Settings


@pytest.fixture(name='fresh', params=[0, 1, 7], ids=['same-ids', 'next-ids', 'other-ids'])
def _fresh(request):
    """Settings of a successor that kept nothing, whose node ids are the same or others."""
    def make(flags=0, **more):
        return Settings(SUCCESSOR | STALE_OBJECTS | flags, strict=True, shift=request.param, **more)
    return make


def _strict(flags=0, **more):
    return Settings(SUCCESSOR | flags, strict=True, **more)


def _estale(function, *args):
    with pytest.raises(OSError) as caught:
        function(*args)
    assert caught.value.errno == errno.ESTALE, caught.value


def _change(mount, settings):
    """The server dies and another one comes; its pid."""
    mount.kill()
    generation = mount.generation()
    pid = mount.succeed(settings=settings)
    mount.wait_generation(generation + 1)
    return pid


def test_names_lead_to_the_same_files(mounts, fresh):
    mount = mounts(_strict(valid=3600))
    names = ['f0', 'f1', 'f2', 'd', 'd/g0', 'd/g3']
    (mount.point / 'f1').write_bytes(b'one')
    (mount.point / 'd/g0').write_bytes(b'two')
    before = [os.stat(mount.point / name).st_ino for name in names]
    pid = _change(mount, fresh(valid=3600))
    assert [os.stat(mount.point / name).st_ino for name in reversed(names)] == before[::-1]
    assert (mount.point / 'f1').read_bytes() == b'one' and (mount.point / 'd/g0').read_bytes() == b'two'
    os.stat(mount.point / 'd/g0')
    sent = mount.store.sent_to(pid)
    assert sent.count(LOOKUP) == len(names), 'a name of before was believed, or a new one was not'
    assert UNKNOWN not in sent


def test_names_that_were_not_there_are_looked_up_again(mounts, fresh):
    mount = mounts(_strict(valid=3600))
    for _ in range(2):
        assert not (mount.point / 'nothing').exists()
    pid = _change(mount, fresh(valid=3600))
    assert not (mount.point / 'nothing').exists()
    assert LOOKUP in mount.store.sent_to(pid)


def test_open_files_are_stale(mounts, fresh):
    mount = mounts(_strict())
    os.close(os.open(mount.point / 'f3', os.O_RDONLY))
    fd, unused = (os.open(mount.point / name, os.O_RDWR) for name in ('f0', 'f1'))
    folder = os.open(mount.point / 'd', os.O_RDONLY)
    os.pwrite(fd, b'before', 0)
    pid = _change(mount, fresh())
    for again in range(2):
        for use in (lambda: os.pread(fd, 6, 0), lambda: os.pwrite(fd, b'after', 0), lambda: os.fsync(fd),
                    lambda: os.ftruncate(fd, 1), lambda: os.listdir(folder)):
            _estale(use)
        if not again:
            assert os.stat(mount.point / 'f0').st_size == 6
    assert os.fstat(fd).st_size == 6
    _estale(os.fstat, unused)
    for one in (fd, unused, folder):
        os.close(one)
    assert (mount.point / 'f0').read_bytes() == b'before'
    sent = mount.store.sent_to(pid)
    assert UNKNOWN not in sent and WRITE not in sent and FSYNC not in sent
    assert sent.count(RELEASE) <= 1  # of the file that was opened just now


def test_forgets_of_before_are_dropped(mounts, fresh):
    mount = mounts(_strict())
    names = [mount.point / f'f{number}' for number in range(rawfs.FILES)]
    for name in names:
        os.stat(name)
    mount.kill()
    _drop_caches()  # half of them is told while nobody serves
    pid = mount.succeed(settings=fresh())
    mount.wait_generation(2)
    for name in names[:3]:
        os.stat(name)
    _drop_caches()
    rawfs.wait_until(lambda: {rawfs.FORGET, rawfs.BATCH_FORGET} & set(mount.store.sent_to(pid)), 'a forget')
    os.stat(names[0])
    assert UNKNOWN not in mount.store.sent_to(pid)


def _drop_caches(what='2'):
    with open('/proc/sys/vm/drop_caches', 'w', encoding='ascii') as file:
        file.write(what)


def test_name_of_another_file(mounts, fresh):
    mount = mounts(_strict())
    fd = os.open(mount.point / 'f0', os.O_RDONLY)
    before = os.fstat(fd).st_ino
    pid = _change(mount, fresh(other_files=True))
    assert os.stat(mount.point / 'f0').st_ino != before
    _estale(os.fstat, fd)
    _estale(os.pread, fd, 1, 0)
    os.close(fd)
    assert UNKNOWN not in mount.store.sent_to(pid)


def _content(mount, length):
    return mount.store.data[:length]


def test_dirty_pages_are_written_through_a_new_open(mounts, fresh):
    mount = mounts(_strict(rawfs.WRITEBACK_CACHE, direct=False))
    fd = os.open(mount.point / 'f0', os.O_RDWR)
    os.pwrite(fd, b'unsent' * 2000, 0)
    assert _content(mount, 6) == bytes(6)
    pid = _change(mount, fresh(rawfs.WRITEBACK_CACHE, direct=False))
    _estale(os.fsync, fd)
    assert _content(mount, 6) == bytes(6)
    assert os.stat(mount.point / 'f0').st_size == 12000
    assert (mount.point / 'f0').read_bytes() == b'unsent' * 2000
    os.sync()
    rawfs.wait_until(lambda: _content(mount, 12000) == b'unsent' * 2000, 'data')
    sent = mount.store.sent_to(pid)
    assert UNKNOWN not in sent and sent.count(OPEN) == 2, 'one to read, one to write'
    os.close(fd)


def test_dirty_mapping_is_written_through_a_new_open(mounts, fresh):
    mount = mounts(_strict(direct=False))
    fd = os.open(mount.point / 'f0', os.O_RDWR)
    os.ftruncate(fd, 8192)
    with mmap.mmap(fd, 8192) as view:
        view[0:5], view[4096:4101] = b'first', b'other'
        view.flush()
        view[0:6] = b'second'
        pid = _change(mount, fresh(direct=False))
        os.stat(mount.point / 'f0')
        os.sync()
        rawfs.wait_until(lambda: _content(mount, 6) == b'second', 'data')
        assert view[4096:4101] == b'other'
    os.close(fd)
    assert UNKNOWN not in mount.store.sent_to(pid)


def test_dirty_pages_of_another_file_are_not_written(mounts, fresh):
    mount = mounts(_strict(rawfs.WRITEBACK_CACHE, direct=False))
    fd = os.open(mount.point / 'f0', os.O_RDWR)
    os.pwrite(fd, b'unsent', 0)
    pid = _change(mount, fresh(rawfs.WRITEBACK_CACHE, direct=False, other_files=True))
    os.stat(mount.point / 'f0')
    os.sync()
    _estale(os.fsync, fd)
    _estale(os.close, fd)
    sent = mount.store.sent_to(pid)
    assert UNKNOWN not in sent and WRITE not in sent and _content(mount, 6) == bytes(6)


def test_pages_in_hand_become_dirty_again(mounts, fresh):
    mount = mounts(_strict(rawfs.WRITEBACK_CACHE, direct=False, at=WRITE, act='hold'))
    first = mount.pids[-1]
    fd = os.open(mount.point / 'f0', os.O_RDWR)
    os.pwrite(fd, b'in hand' * 1000, 0)
    os.sync()  # does not wait for the answer
    rawfs.wait_until(lambda: WRITE in mount.store.sent_to(first), 'a write in hand')
    pid = _change(mount, fresh(rawfs.WRITEBACK_CACHE, direct=False))
    os.stat(mount.point / 'f0')

    def arrived():
        os.sync()
        return _content(mount, 7000) == b'in hand' * 1000

    rawfs.wait_until(arrived, 'data')
    os.close(fd)
    assert UNKNOWN not in mount.store.sent_to(pid)


def test_close_tells_of_pages_that_came_back(mounts, call, fresh):
    """It had them written and waited for the answer of a server that is gone."""
    mount = mounts(_strict(rawfs.WRITEBACK_CACHE, direct=False, at=WRITE, act='hold'))
    first = mount.pids[-1]
    fd = os.open(mount.point / 'f0', os.O_RDWR)
    os.pwrite(fd, b'in hand', 0)
    close = call(os.close, fd)
    rawfs.wait_until(lambda: WRITE in mount.store.sent_to(first), 'a write in hand')
    pid = _change(mount, fresh(rawfs.WRITEBACK_CACHE, direct=False))
    _estale(close.result)
    assert UNKNOWN not in mount.store.sent_to(pid)


def _sleeps(thread):
    with open(f'/proc/self/task/{thread.native_id}/stat', encoding='ascii') as file:
        return file.read().rpartition(')')[2].split()[0] == 'D'


def test_page_that_left_the_cache_is_not_written_from_a_new_one(mounts, call, fresh):
    """Who reads it made that one, which has nothing in it before the WRITE is answered. 7.3 keeps the page."""
    mount = mounts(_strict(rawfs.WRITEBACK_CACHE, direct=False, at=WRITE, act='hold'))
    first = mount.pids[-1]
    fd = os.open(mount.point / 'f0', os.O_RDWR)
    os.pwrite(fd, b'in hand', 0)
    os.sync()  # does not wait for the answer
    rawfs.wait_until(lambda: WRITE in mount.store.sent_to(first), 'a write in hand')
    _drop_caches('1')
    read = call(os.pread, fd, 7, 0)
    rawfs.wait_until(lambda: not read.is_alive() or _sleeps(read), 'a reader that waits')
    kept = not read.is_alive()
    pid = _change(mount, fresh(rawfs.WRITEBACK_CACHE, direct=False))
    if kept:
        assert read.result() == b'in hand'
    else:
        _estale(read.result)
    os.stat(mount.point / 'f0')
    os.sync()
    if kept:
        os.close(fd)
    else:
        with pytest.raises(OSError):
            os.close(fd)
    assert _content(mount, 4096) == (b'in hand' if kept else b'').ljust(4096, b'\0')
    assert UNKNOWN not in mount.store.sent_to(pid)


def test_calls_that_waited(mounts, call, fresh):
    mount = mounts(_strict(at=READ, act='hold'))
    first = mount.pids[-1]
    (mount.point / 'd/g0').write_bytes(b'x')
    fd, other = (os.open(mount.point / 'd/g0', os.O_RDONLY) for _ in range(2))
    in_hand = call(os.pread, fd, 1, 0)
    rawfs.wait_until(lambda: READ in mount.store.sent_to(first), 'a read in hand')
    mount.kill()
    stats = [call(os.stat, mount.point / name) for name in ('f0', 'd', 'd/g0', 'd/g1')]
    queued = call(os.pread, other, 1, 0)
    pid = mount.succeed(settings=fresh())
    for stat in stats:
        stat.result()
    for read in (in_hand, queued):
        _estale(read.result)
    for one in (fd, other):
        os.close(one)
    sent = mount.store.sent_to(pid)
    assert UNKNOWN not in sent and FLUSH not in sent


def test_plain_reinit_by_a_server_that_kept_nothing(mounts, fresh):
    mount = mounts(_strict())
    os.stat(mount.point / 'd/g0')
    mount.kill()
    device = os.open('/dev/fuse', os.O_RDWR)
    rawfs.attach(device, mount.root, 1)
    pid = mount.fork(device, _strict())
    mount.wait_generation(2)
    mount.kill(pid)  # the device stays open here
    fcntl.ioctl(device, rawfs.IOC_REINIT)
    pid = mount.fork(device, fresh())
    os.close(device)
    (mount.point / 'd/g0').write_bytes(b'x')
    assert mount.generation() == 3 and UNKNOWN not in mount.store.sent_to(pid)


def test_several_in_a_row(mounts, fresh):
    """One that kept nothing, one that follows and knows what that knew, and so on."""
    mount = mounts(_strict())
    os.stat(mount.point / 'd/g0')
    (mount.point / 'd/g0').write_bytes(b'x')
    for _ in range(3):
        old = os.open(mount.point / 'd/g0', os.O_RDONLY)
        settings = fresh()
        _change(mount, settings)
        _estale(os.pread, old, 1, 0)
        os.close(old)
        fd = os.open(mount.point / 'd/g0', os.O_RDONLY)
        _change(mount, Settings(shift=settings.shift))
        assert os.pread(fd, 1, 0) == b'x'
        os.close(fd)


def test_first_server_has_nothing_to_be_stale(mounts):
    mount = mounts(Settings(SUCCESSOR | STALE_OBJECTS))
    (mount.point / 'f0').write_bytes(b'x')
    fd = os.open(mount.point / 'f0', os.O_RDONLY)
    _change(mount, Settings())
    assert os.pread(fd, 1, 0) == b'x'
    os.close(fd)


def _until_it_is_not_stale(function):
    while True:
        try:
            return function()
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise


def _write_all(fd, data):
    done = 0
    while done < len(data):  # what comes after a part may be stale
        done += os.pwrite(fd, data[done:], done)


def _read_all(fd, length):
    data = b''
    while len(data) < length:
        part = os.pread(fd, length - len(data), len(data))
        assert part, 'end of file'
        data += part
    return data


@pytest.mark.parametrize('flags, direct', [(0, True), (0, False), (rawfs.WRITEBACK_CACHE, False)],
                         ids=['direct', 'cached', 'written-back'])
def test_nothing_is_wrong_under_kills(mounts, call, flags, direct):
    """Programs that open their file again when it is stale, and servers that keep nothing, each with other ids."""
    mount = mounts(_strict(flags, direct=direct))
    rng, stop, pids = random.Random(11), threading.Event(), []

    def work(number):
        path = mount.point / (f'd/g{number}' if number % 2 else f'f{number}')
        chance, content, count = random.Random(number), b'', 0

        def change():
            fd = os.open(path, os.O_RDWR)
            try:
                _write_all(fd, content)
                os.fsync(fd)
                assert _read_all(fd, len(content)) == content
            finally:
                os.close(fd)

        def check():
            os.stat(path)
            fd = os.open(path, os.O_RDONLY)
            try:
                assert _read_all(fd, len(content)) == content
            finally:
                os.close(fd)

        while not stop.is_set() or count < 10:
            count += 1
            content = chance.randbytes(20000)
            _until_it_is_not_stale(change)
            _until_it_is_not_stale(check)
        start = (number + (rawfs.FILES if number % 2 else 0)) * rawfs.FILE_SIZE
        assert mount.store.data[start:start + len(content)] == content
        return count

    workers = [call(work, number) for number in range(3)]
    for _ in range(20):
        time.sleep(rng.random() * 0.05)
        pids.append(_change(mount, Settings(SUCCESSOR | STALE_OBJECTS | flags, strict=True, direct=direct,
                                            shift=rng.randrange(rawfs.NODES), valid=rng.choice((0, 3600)))))
    stop.set()
    assert all(worker.result(200) >= 10 for worker in workers)
    assert not any(UNKNOWN in mount.store.sent_to(pid) for pid in pids)
