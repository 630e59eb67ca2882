"""reattach_resend=yes: what the kernel sends again has to be what the slots say is in hand."""

import fcntl
import mmap
import os
import signal
import struct
import subprocess

import pytest

from fusetest import connection, load, oracle, procs
from fusetest.filesystem import kernel_holds

MODES = {'single': (['-f', '-s'], []), 'clone_fd': (['-f'], ['clone_fd'])}
PAGE = 4096
# Of lib/reconnect/layout.h: in the header where the slots begin, how many there may be, and how long
# the buffer of each is.
SLOTS_AT, SLOT_SIZES_AT = 56, 80
SETLKW = 33


def kernel_resends():
    major, minor = os.uname().release.split('.')[:2]
    return (int(major), int(minor.split('-')[0])) >= (6, 9)


def counts(fs):
    figures = fs.figures()
    return [figures[name] for name in ('kernel_resent', 'resend_unknown', 'resend_missing')]


@pytest.mark.limit(120)
@pytest.mark.parametrize('mode', MODES)
def test_no_difference_under_kills(bench, work, seed, mode):
    args, options = MODES[mode]
    fs = bench.add(args=args, options=[*options, 'reattach_resend=yes'])
    for folder in (fs.work, work):  # another user has to come by
        folder.chmod(0o711)
    load.run(fs, work, ['probe', 'effects'], 2, seed, 8)
    resent, unknown, missing = counts(fs)
    with connection.Watchdog(fs.mnt, 60) as dog:
        found = oracle.differences(fs.src, fs.mnt)
    assert not dog.fired and not found, '\n'.join(found)
    assert unknown == missing == 0, fs.log()
    assert (resent > 0) == (kernel_resends() or kernel_holds())


@pytest.fixture
def waited_for(bench):
    """A mount with a file that this process has locked, and a process that waits for the lock: its
    request is in hand until then."""
    fs = bench.add(options=['flock', 'reattach_resend=yes'])
    (fs.src / 'file').write_text('text')
    with open(fs.mnt / 'file', encoding='ascii') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with subprocess.Popen(['flock', fs.mnt / 'file', 'true']) as waiter:
            try:
                assert procs.wait_until(lambda: places_in_hand(fs), 20)
                yield fs, file, waiter
            finally:
                waiter.kill()
                fcntl.flock(file, fcntl.LOCK_UN)


def places_in_hand(fs):
    """Where in the state requests that wait for a lock are: each the place of its length."""
    with open(fs.state(), 'rb') as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as state:
        (slots,) = struct.unpack_from('<Q', state, SLOTS_AT)
        most, size = struct.unpack_from('<II', state, SLOT_SIZES_AT)
        found = []
        for place in range(slots, slots + most * (PAGE + size), PAGE + size):
            (stage,) = struct.unpack_from('<I', state, place)
            length, opcode = struct.unpack_from('<II', state, place + PAGE)
            if stage != 0 and length != 0 and opcode == SETLKW:
                found.append(place + PAGE)
        return found


def test_one_that_waits_is_sent_again_each_time(waited_for):
    fs, file, waiter = waited_for
    kills = 5
    for _ in range(kills):
        fs.recover()
    resent, unknown, missing = counts(fs)
    assert unknown == missing == 0, fs.log()
    assert resent >= kills or not kernel_resends()
    assert waiter.poll() is None
    fcntl.flock(file, fcntl.LOCK_UN)
    assert waiter.wait(20) == 0


@pytest.mark.skipif(not kernel_resends() or kernel_holds(), reason='nobody sends it again')
def test_one_that_the_state_lost_is_answered(waited_for):
    fs, file, waiter = waited_for
    keeper = fs.keeper()
    procs.send(keeper, signal.SIGSTOP)
    try:
        server = fs.server()
        procs.send(server, signal.SIGKILL)
        assert procs.wait_until(lambda: procs.state_of(server) in ('', 'Z'), 20)
        with open(fs.state(), 'r+b') as state:
            for place in places_in_hand(fs):
                state.seek(place)
                state.write(bytes(4))
    finally:
        procs.send(keeper, signal.SIGCONT)
    fs.first_answer()
    assert counts(fs)[1:] == [1, 0], fs.log()
    assert 'which the state did not have' in fs.log()
    fcntl.flock(file, fcntl.LOCK_UN)
    assert waiter.wait(20) == 0
