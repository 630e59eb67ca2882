"""Who takes over, and who must not."""

import errno
import fcntl
import os
import signal
import struct
import subprocess
import time
from pathlib import Path

import pytest

from fusetest import connection, procs

NEVER = 1_000_000
FUSE_DEV_IOC_ATTACH = 1 << 30 | 16 << 16 | 229 << 8 | 32


@pytest.fixture
def failing(work):
    """An environment with which a server fails at its start as often as set() last said."""
    library, count = work / 'fail_at_start.so', work / 'count'
    subprocess.run(['cc', '-shared', '-fPIC', '-O1', '-o', str(library),
                    str(Path(__file__).with_name('fail_at_start.c'))], check=True, timeout=60)

    class Failing:
        def env(self, exe):
            return {'LD_PRELOAD': str(library), 'FAIL_COUNT': str(count), 'FAIL_PROGRAM': str(exe)}

        def set(self, number):
            count.write_text(f'{number}\n')

        def left(self):
            return int(count.read_text() or '0')

    made = Failing()
    made.set(0)
    return made


def _add_failing(bench, failing, **kwargs):
    fs = bench.add(start=False, **kwargs)
    fs.extra_env.update(failing.env(fs.exe))
    return fs.start()


def _output(process):
    return process.output.read_text(errors='replace')


def test_second_server_beside_a_living_one_is_refused(bench):
    fs = bench.add()
    server = fs.server()
    again = fs.spawn_again()
    assert again.wait(20) > 0 and _output(again).strip()
    assert fs.servers() == [server]
    (fs.mnt / 'file').write_text('x')
    fs.recover()
    assert (fs.mnt / 'file').read_text() == 'x'


def test_of_several_successors_one_serves(bench):
    # Some at a time: each waits two seconds for its keeper's answer.
    mounts = [bench.add() for _ in range(3)]
    for number in range(2):
        rivals = {}
        for fs in mounts:
            (fs.mnt / f'{number}').write_text('x')
            fs.kill_server()
            rivals[fs] = [fs.spawn_again(), fs.spawn_again()]
            fs.first_answer()
        for fs in mounts:
            # Whoever lost says so and goes; the keeper's own successor is one of the candidates.
            assert procs.wait_until(lambda fs=fs: len(fs.servers()) == 1, 15), fs.servers()
            for rival in rivals[fs]:
                if rival.poll() is not None:
                    assert rival.returncode > 0 and _output(rival).strip()
            assert sorted(os.listdir(fs.mnt)) == sorted(f'{n}' for n in range(number + 1))
    for fs in mounts:
        # The one that serves now is looked after like any other.
        fs.recover()
        assert len(os.listdir(fs.mnt)) == 2


def test_successor_that_fails_at_first(bench, failing):
    """The keeper tries again until one comes up; the caller only waits longer."""
    fs = _add_failing(bench, failing)
    (fs.mnt / 'file').write_text('x')
    failing.set(3)
    fs.recover()
    assert failing.left() == 0 and (fs.mnt / 'file').read_text() == 'x'
    fs.recover()
    assert (fs.mnt / 'file').read_text() == 'x'


def test_successor_that_never_comes_up_is_given_up(bench, failing):
    """Bounded: after reattach_timeout applications get an error, and nobody stays behind."""
    fs = _add_failing(bench, failing, options=['reattach_timeout=2'])
    (fs.mnt / 'file').write_text('x')
    fd = os.open(fs.mnt / 'file', os.O_RDONLY)
    failing.set(NEVER)
    moment = fs.kill_server()
    with connection.Watchdog(fs.mnt, 30) as dog:
        with pytest.raises(OSError):
            os.statvfs(fs.mnt)
    waited = (time.monotonic_ns() - moment) / 1e9
    assert not dog.fired, 'the call was never ended'
    assert waited < 30
    tries = NEVER - failing.left()
    assert 2 <= tries < 200, f'{tries} tries in {waited:.1f} s'
    with pytest.raises(OSError):
        os.close(fd)
    assert procs.wait_until(lambda: not procs.tagged(fs.tag), 10), fs.leftovers()
    assert fs.log().strip(), 'not a word about it'
    connection.detach(fs.mnt)
    # And the place can be used again.
    failing.set(0)
    fs.start()
    assert (fs.mnt / 'file').read_text() == 'x'


def test_killed_at_every_moment_of_the_start(bench):
    """Kills after delays from none to far longer than a start takes, each with a call waiting."""
    fs = bench.add()
    for number in range(40):
        path = fs.mnt / f'dir.{number}'
        old = fs.server()
        fs.kill_server()
        pids = procs.wait_until(lambda old=old: [p for p in fs.servers() if p != old], 10, 0.0005)
        assert pids, fs.log()
        time.sleep(number * 0.0003)
        procs.send(pids[-1], signal.SIGKILL, fs.exe)
        os.mkdir(path)
    assert len(os.listdir(fs.mnt)) == 40


def test_started_by_hand(bench, failing):
    """The keeper's own tries fail; the same command, given by hand, takes the mount over."""
    fs = _add_failing(bench, failing, options=['reattach_timeout=30'])
    # The open file belongs to another process: a child of ours would close its copy of it between
    # fork and exec, which asks the server.
    script = ('import os,sys; fd=os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)\n'
              'print("open", flush=True); sys.stdin.readline(); os.write(fd, b"text")\n')
    client = subprocess.Popen(['/usr/bin/python3', '-c', script, str(fs.mnt / 'file')], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert client.stdout.readline() == 'open\n'
        failing.set(NEVER)
        fs.kill_server()
        again = fs.spawn_again(env={'LD_PRELOAD': None, 'FAIL_COUNT': None})
        client.communicate('\n', timeout=25)
        assert client.returncode == 0
    finally:
        client.kill()
    assert again.poll() is None, _output(again)
    assert (fs.src / 'file').read_text() == 'text'
    failing.set(0)
    fs.recover()
    assert (fs.mnt / 'file').read_text() == 'text'


@pytest.mark.parametrize('first,then', [('writeback', 'no_writeback'), ('no_writeback', 'writeback')])
def test_other_capabilities(bench, failing, first, then):
    """What was negotiated with the kernel stays: a program that wants something else either goes
    on with what there is, or says what it misses and leaves the mount to another."""
    fs = _add_failing(bench, failing, options=[first, 'reattach_timeout=30'])
    (fs.mnt / 'file').write_text('text')
    failing.set(NEVER)
    fs.kill_server()
    options = [then, 'reattach_timeout=30']
    clean = {'LD_PRELOAD': None, 'FAIL_COUNT': None}
    other = fs.spawn_again(options=options, env=clean)
    served = procs.wait_until(
        lambda: other.poll() is not None or len(fs.servers()) == 1 and _answers(fs), 10, 0.05)
    assert served
    if other.poll() is not None:
        assert other.returncode > 0 and 'writeback' in _output(other).lower(), _output(other)
        fs.spawn_again(env=clean)
    fs.first_answer()
    assert os.listdir(fs.mnt) == ['file'], _output(other)
    assert (fs.mnt / 'file').read_text() == 'text'
    (fs.mnt / 'file').write_text('changed')
    fd = os.open(fs.mnt / 'file', os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    assert (fs.src / 'file').read_text() == 'changed'
    failing.set(0)


def test_who_gives_up_and_lives_on_makes_way(bench, failing):
    """A program with more to do than this mount: that it runs does not mean that it serves."""
    fs = _add_failing(bench, failing, options=['writeback', 'reattach_timeout=60'])
    (fs.mnt / 'file').write_text('text')
    failing.set(NEVER)
    fs.kill_server()
    other = fs.spawn_again(options=['no_writeback', 'reattach_timeout=60'],
                           env={'FAIL_COUNT': None, 'LIVE_ON': '1'})
    assert procs.wait_until(lambda: 'writeback' in _output(other).lower() and
                            str(fs.state()) not in procs.open_files(other.pid), 20), _output(other)
    again = fs.spawn_again(env={'LD_PRELOAD': None, 'FAIL_COUNT': None})
    with connection.Watchdog(fs.mnt, 40) as dog:
        fs.first_answer()
        assert (fs.mnt / 'file').read_text() == 'text'
    assert not dog.fired, _output(again)
    assert other.poll() is None and again.poll() is None, _output(again)
    other.kill()
    other.wait(20)
    failing.set(0)


def _answers(fs):
    """Whether a request is answered within a moment, asked by a process that may be left waiting."""
    client = subprocess.Popen(['stat', '-f', str(fs.mnt)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        return client.wait(1) == 0
    except subprocess.TimeoutExpired:
        client.kill()
        client.wait(5)
        return False


def test_upgraded_program(bench, work):
    """The successor is what lies at the program's path now: another file."""
    from fusetest import paths  # pylint: disable=import-outside-toplevel
    here = paths.example('passthrough_ll')
    copy = here.with_name(f'passthrough_ll.{os.getpid()}')
    copy.write_bytes(here.read_bytes())
    copy.chmod(0o755)
    try:
        fs = bench.add(str(copy))
        fd = os.open(fs.mnt / 'file', os.O_RDWR | os.O_CREAT, 0o600)
        old = os.stat(f'/proc/{fs.server()}/exe').st_ino
        fresh = copy.with_suffix('.new')
        fresh.write_bytes(here.read_bytes())
        fresh.chmod(0o755)
        os.rename(fresh, copy)
        fs.recover()
        assert os.stat(f'/proc/{fs.server()}/exe').st_ino != old
        assert os.write(fd, b'text') == 4
        os.close(fd)
        assert (fs.src / 'file').read_text() == 'text'
        assert fs.unmount(), fs.leftovers()
    finally:
        copy.unlink()


def test_holder_that_this_kernel_lacks_is_refused(bench):
    """With words that say what to do. Where the kernel has it, kernel/library tries it."""
    with open('/dev/fuse', 'r+b', buffering=0) as device:
        try:
            fcntl.ioctl(device, FUSE_DEV_IOC_ATTACH, struct.pack('<IIQ', 0xffffffff, 0, 0))
        except OSError as error:
            if error.errno == errno.EBADF:
                return
    fs = bench.add(start=False, options=['reattach_holder=kernel'])
    again = fs.spawn_again()
    assert again.wait(20) > 0
    assert 'reattach_holder=kernel is not possible' in _output(again)
    assert 'use reattach_holder=auto' in _output(again)
    assert fs.mount() is None and not list(fs.runtime.iterdir())
