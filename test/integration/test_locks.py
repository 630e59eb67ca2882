"""Locks that the filesystem grants: they outlive its server, and exclude as if nothing had happened."""

import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from fusetest import paths, procs
from fusetest.killer import Killer

# A program that locks a file in one of the ways. It reads commands from its standard input, one a
# line, and answers each with a line.
LOCKER = r'''
import fcntl, os, struct, sys
path, way, state = sys.argv[1:4]
OFD_SETLK, OFD_SETLKW = 37, 38

def words(kind, start, length):
    return struct.pack('hhqqi4x', kind, os.SEEK_SET, start, length, 0)

def lock(fd, kind, wait, start=0, length=0):
    if way == 'flock':
        op = {fcntl.F_UNLCK: fcntl.LOCK_UN, fcntl.F_RDLCK: fcntl.LOCK_SH,
              fcntl.F_WRLCK: fcntl.LOCK_EX}[kind]
        fcntl.flock(fd, op | (0 if wait else fcntl.LOCK_NB))
    elif way == 'ofd':
        fcntl.fcntl(fd, OFD_SETLKW if wait else OFD_SETLK, words(kind, start, length))
    else:
        fcntl.fcntl(fd, fcntl.F_SETLKW if wait else fcntl.F_SETLK, words(kind, start, length))

def inside(fd):
    """Nobody else may be here; counts the visits."""
    guard = os.open(state + '.guard', os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    with open(state, 'r+') as file:
        count = int(file.read() or 0)
        file.seek(0)
        file.write(str(count + 1))
    os.close(guard)
    os.unlink(state + '.guard')

fd = os.open(path, os.O_RDWR)
print('ready', flush=True)
rounds = 0
for line in sys.stdin:
    command, *args = line.split()
    try:
        if command == 'lock':
            lock(fd, fcntl.F_WRLCK, False, *map(int, args))
        elif command == 'share':
            lock(fd, fcntl.F_RDLCK, False, *map(int, args))
        elif command == 'wait':
            lock(fd, fcntl.F_WRLCK, True, *map(int, args))
        elif command == 'unlock':
            lock(fd, fcntl.F_UNLCK, False, *map(int, args))
        elif command == 'write':
            os.pwrite(fd, b'x', 0)
        elif command == 'read':
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.pread(fd, 1, 0)
        elif command == 'close':
            os.close(fd)
        elif command == 'play':
            while not os.path.exists(state + '.stop'):
                lock(fd, fcntl.F_WRLCK, True)
                inside(fd)
                lock(fd, fcntl.F_UNLCK, False)
                rounds += 1
            print(rounds, flush=True)
            continue
        print('done', flush=True)
    except OSError as error:
        print('errno', error.errno, flush=True)
'''


class Locker:
    def __init__(self, path, way, state='/nowhere'):
        self.process = subprocess.Popen([sys.executable, '-c', LOCKER, str(path), way, str(state)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.answer() == 'ready'

    def tell(self, command):
        self.process.stdin.write(command + '\n')
        self.process.stdin.flush()

    def answer(self):
        return self.process.stdout.readline().strip()

    def do(self, command):
        self.tell(command)
        return self.answer()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stdin.close()


@pytest.fixture
def lockers():
    made = []

    def make(*args):
        made.append(Locker(*args))
        return made[-1]

    yield make
    for locker in made:
        locker.end()


BUSY = f'errno {errno.EAGAIN}'
WAYS = ('flock', 'posix', 'ofd')
MODES = {'multi': ['-f'], 'single': ['-f', '-s']}


@pytest.fixture(params=MODES)
def fs(request, bench):
    made = bench.add(options=['flock', 'posix_lock'], args=MODES[request.param])
    (made.src / 'file').write_text('text')
    return made


@pytest.mark.parametrize('way', WAYS)
def test_a_lock_is_held_over_many_kills(fs, lockers, way):
    path = fs.mnt / 'file'
    holder, other = lockers(path, way), lockers(path, way)
    assert holder.do('lock') == 'done'
    for _ in range(20):
        fs.recover()
        assert other.do('lock') == BUSY
    assert holder.do('write') == 'done'
    assert holder.do('unlock') == 'done'
    fs.recover()
    assert other.do('lock') == 'done'
    fs.recover()
    assert holder.do('lock') == BUSY
    assert 'could not be taken again' not in fs.log()


@pytest.mark.parametrize('way', WAYS)
def test_a_newcomer_is_excluded_before_the_holder_does_anything(fs, lockers, way):
    holder = lockers(fs.mnt / 'file', way)
    assert holder.do('lock') == 'done'
    fs.recover()
    assert lockers(fs.mnt / 'file', way).do('lock') == BUSY


# The kernel tells no filesystem that an open file description with locks is closed.
@pytest.mark.parametrize('way, how', [('flock', 'close'), ('flock', 'exit'), ('posix', 'close'),
                                      ('posix', 'exit'), ('posix', 'unlock'), ('ofd', 'unlock')])
def test_who_waits_is_woken(fs, lockers, way, how):
    path = fs.mnt / 'file'
    holder, waiter = lockers(path, way), lockers(path, way)
    assert holder.do('lock') == 'done'
    waiter.tell('wait')
    for _ in range(30):  # more than any other request may be running through
        fs.recover()
    assert lockers(path, way).do('lock') == BUSY
    if how == 'exit':
        holder.end()
    else:
        assert holder.do(how) == 'done'
    assert waiter.answer() == 'done'
    fs.recover()
    assert lockers(path, way).do('lock') == BUSY
    if way != 'ofd':
        waiter.end()
        fs.recover()
        assert procs.wait_until(lambda: lockers(path, way).do('lock') == 'done', 10)


def test_a_waiter_is_not_to_blame_for_crashes(fs, lockers):
    path = fs.mnt / 'file'
    holder, waiter = lockers(path, 'posix'), lockers(path, 'posix')
    assert holder.do('lock') == 'done'
    waiter.tell('wait')
    for _ in range(5):
        fs.kill_server(signal.SIGSEGV)
        fs.first_answer()
    assert holder.do('unlock') == 'done'
    assert waiter.answer() == 'done'


def test_ranges(fs, lockers):
    path = fs.mnt / 'file'
    holder, other = lockers(path, 'posix'), lockers(path, 'posix')
    assert holder.do('lock 0 100') == 'done'
    assert holder.do('unlock 40 20') == 'done'
    assert holder.do('share 80 10') == 'done'
    for _ in range(3):
        fs.recover()
        assert other.do('lock 40 20') == 'done'
        assert other.do('unlock 40 20') == 'done'
        assert other.do('share 80 10') == 'done'
        assert other.do('unlock 80 10') == 'done'
        for refused in ('lock 39 1', 'lock 60 1', 'share 79 1', 'lock 80 1', 'share 90 1'):
            assert other.do(refused) == BUSY, refused
        assert other.do('lock 100 0') == 'done'


def test_a_posix_lock_ends_with_any_close(fs, lockers):
    path = fs.mnt / 'file'
    mine = os.open(path, os.O_RDWR)
    fcntl.lockf(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
    other = lockers(path, 'posix')
    fs.recover()
    assert other.do('lock') == BUSY
    fs.recover()
    os.close(os.open(path, os.O_RDONLY))
    fs.recover()
    assert other.do('lock') == 'done'
    os.close(mine)


@pytest.mark.parametrize('way', WAYS)
def test_a_lock_that_somebody_else_took_meanwhile(fs, lockers, way):
    """Below the mount, while no server ran: the one who had it must not go on as if he had it still."""
    holder = lockers(fs.mnt / 'file', way)
    assert holder.do('lock') == 'done'
    os.kill(fs.keeper(), signal.SIGSTOP)
    intruder = lockers(fs.src / 'file', 'flock' if way == 'flock' else 'ofd')
    try:
        fs.kill_server()
        assert procs.wait_until(lambda: intruder.do('lock') == 'done', 10)
    finally:
        os.kill(fs.keeper(), signal.SIGCONT)
    io_error = f'errno {errno.EIO}'
    assert holder.do('write') == io_error
    assert holder.do('read') == io_error
    assert holder.do('lock') == io_error
    assert 'could not be taken again' in fs.log()
    fs.recover()
    assert holder.do('write') == io_error
    assert (fs.mnt / 'file').read_text() == 'text'
    assert holder.do('unlock') == 'done'
    assert holder.do('write') == 'done'
    assert holder.do('lock') == BUSY
    intruder.end()
    assert procs.wait_until(lambda: holder.do('lock') == 'done', 10)
    fs.recover()
    assert holder.do('write') == 'done'


@pytest.mark.parametrize('way', WAYS)
def test_ping_pong_under_kills(fs, lockers, seed, way):
    """Whoever has the lock is alone, and nobody gets an error."""
    state = fs.work / 'visits'
    state.write_text('0')
    players = [lockers(fs.mnt / 'file', way, state) for _ in range(4)]
    killer = Killer(fs, per_second=8, seed=seed)
    for player in players:
        player.tell('play')
    killer.start()
    enough = killer.wait_for(40)
    killer.stop()
    (fs.work / 'visits.stop').touch()
    answers = [player.answer() for player in players]
    assert all(answer.isdigit() for answer in answers), (answers, fs.log())
    assert sum(map(int, answers)) == int(state.read_text())
    assert enough and all(int(answer) > 0 for answer in answers)
    assert 'could not be taken again' not in fs.log()


@pytest.mark.parametrize('way', ['posix', 'ofd'])
def test_ranges_of_the_high_level_api(bench, lockers, way):
    fs = bench.add(paths.build_dir() / 'test/tools/mortal_hl', start=False)
    fs.options = [f'source={fs.src}', f'control={fs.work / "control"}']
    (fs.src / 'file').write_text('text')
    fs.start()
    holder, other = lockers(fs.mnt / 'file', way), lockers(fs.mnt / 'file', way)
    waiter = lockers(fs.mnt / 'file', way)
    assert holder.do('lock 0 10') == 'done'
    for _ in range(3):
        fs.recover()
        assert other.do('lock 5 1') == BUSY
        assert other.do('lock 10 5') == 'done'
    os.rename(fs.mnt / 'file', fs.mnt / 'moved')
    waiter.tell('wait 0 10')
    fs.recover()
    os.unlink(fs.mnt / 'moved')  # it gets a hidden name, being open
    fs.recover()
    assert other.do('lock 5 1') == BUSY
    fs.recover()
    assert holder.do('unlock 0 5') == 'done'
    assert other.do('lock 0 5') == 'done'
    fs.recover()
    assert other.do('lock 5 1') == BUSY
    assert other.do('unlock') == 'done'
    assert holder.do('close') == 'done'
    fs.recover()
    assert waiter.answer() == 'done'


def test_flock_of_the_high_level_api(bench, lockers):
    fs = bench.add('passthrough_fh')
    (fs.src / 'file').write_text('text')
    os.link(fs.src / 'file', fs.src / 'other name')
    holder = lockers(fs.mnt / 'file', 'flock')
    assert holder.do('lock') == 'done'
    os.rename(fs.mnt / 'file', fs.mnt / 'moved')
    for _ in range(3):
        fs.recover()
        assert lockers(fs.mnt / 'moved', 'flock').do('lock') == BUSY
        fs.recover()
        assert lockers(fs.mnt / 'other name', 'flock').do('lock') == BUSY
    os.unlink(fs.mnt / 'moved')
    fs.recover()
    assert lockers(fs.mnt / 'other name', 'flock').do('lock') == BUSY
    holder.end()
    assert procs.wait_until(lambda: lockers(fs.mnt / 'other name', 'flock').do('lock') == 'done', 10)
