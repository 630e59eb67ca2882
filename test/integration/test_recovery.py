"""One kill at a time: what applications hold across it, and how long it takes."""

import errno
import fcntl
import os
import resource
import select
import signal
import statistics
import subprocess
import threading
import time

import pytest

from fusetest import connection, oracle, procs

MODES = {'single': (['-f', '-s'], []), 'multi': (['-f'], []), 'clone_fd': (['-f'], ['clone_fd']),
         'writeback': (['-f'], ['writeback'])}


@pytest.fixture(params=MODES)
def fs(request, bench):
    args, options = MODES[request.param]
    return bench.add(args=args, options=options)


def test_idle(fs):
    before = fs.server()
    (fs.src / 'file').write_text('x')
    fs.recover()
    assert (fs.mnt / 'file').read_text() == 'x' and fs.server() != before


def test_hello_survives(bench):
    fs = bench.add('hello_ll')
    fd = os.open(fs.mnt / 'hello', os.O_RDONLY)
    text = os.pread(fd, 100, 0)
    for _ in range(5):
        fs.recover()
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        assert os.pread(fd, 100, 0) == text
        assert os.listdir(fs.mnt) == ['hello']
    os.close(fd)


def test_mount_and_device_number_stay(fs):
    before = (os.stat(fs.mnt).st_dev, fs.mount().number, os.stat(fs.mnt).st_ino)
    fs.recover()
    assert (os.stat(fs.mnt).st_dev, fs.mount().number, os.stat(fs.mnt).st_ino) == before


def test_many_times_in_a_row(fs):
    for number in range(25):
        fs.recover()
        (fs.mnt / f'file.{number}').write_text(str(number))
    assert sorted(os.listdir(fs.src)) == sorted(f'file.{number}' for number in range(25))
    assert oracle.differences(fs.src, fs.mnt) == []


def _open_files(fs, count):
    (fs.src / 'files').mkdir()
    held = []
    for number in range(count):
        path = fs.mnt / f'files/{number}'
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(fd, b'%d ' % number)
        held.append(fd)
    return held


def _check_open_files(fs, held):
    for number, fd in enumerate(held):
        assert os.write(fd, b'after') == 5
        assert os.pread(fd, 100, 0) == b'%d after' % number
        assert os.fstat(fd).st_ino == os.stat(fs.mnt / f'files/{number}').st_ino


def test_open_files(fs):
    held = _open_files(fs, 100)
    try:
        fs.recover()
        _check_open_files(fs, held)
    finally:
        for fd in held:
            os.close(fd)
    for number in range(100):
        assert (fs.src / f'files/{number}').read_bytes() == b'%d after' % number


@pytest.mark.long
@pytest.mark.limit(600)
def test_ten_thousand_open_files(bench):
    fs = bench.add()
    held = _open_files(fs, 10_000)
    try:
        fs.recover(120)
        _check_open_files(fs, held)
    finally:
        for fd in held:
            os.close(fd)


def test_open_flags_are_kept_and_not_acted_on_again(fs):
    """A handle that was opened to create or truncate is opened again without doing so."""
    path = fs.mnt / 'file'
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    log = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.write(fd, b'first ')
    fs.recover()
    os.write(log, b'second ')
    fs.recover()
    assert os.pread(fd, 100, 0) == b'first second '
    os.write(log, b'third')
    os.close(fd)
    os.close(log)
    assert (fs.src / 'file').read_bytes() == b'first second third'


def test_open_file_that_was_renamed(fs):
    os.mkdir(fs.mnt / 'dir')
    fd = os.open(fs.mnt / 'dir/old', os.O_RDWR | os.O_CREAT, 0o600)
    os.write(fd, b'text')
    os.rename(fs.mnt / 'dir/old', fs.mnt / 'dir/new')
    os.rename(fs.mnt / 'dir', fs.mnt / 'moved')
    fs.recover()
    assert os.pread(fd, 10, 0) == b'text'
    os.write(fd, b' more')
    os.close(fd)
    assert (fs.src / 'moved/new').read_bytes() == b'text more'


def test_removed_open_file_harms_only_itself(fs):
    """A low-level filesystem has no name left for it: that handle may be stale, nothing else."""
    gone = os.open(fs.mnt / 'gone', os.O_RDWR | os.O_CREAT, 0o600)
    kept = os.open(fs.mnt / 'kept', os.O_RDWR | os.O_CREAT, 0o600)
    os.write(kept, b'kept')
    os.fsync(kept)
    os.unlink(fs.mnt / 'gone')
    fs.recover()
    try:
        os.write(gone, b'x')
        os.fsync(gone)
    except OSError as error:
        assert error.errno in (errno.ESTALE, errno.ENOENT)
    assert os.pread(kept, 10, 0) == b'kept'
    (fs.mnt / 'new').write_text('new')
    _close_stale(gone)
    os.close(kept)
    assert sorted(os.listdir(fs.mnt)) == ['kept', 'new']


def _close_stale(fd):
    """Closing a handle whose file is gone frees it, whatever it says."""
    try:
        os.close(fd)
    except OSError as error:
        assert error.errno in (errno.ESTALE, errno.ENOENT)


def test_replaced_file_is_not_taken_for_the_old_one(fs):
    fd = os.open(fs.mnt / 'file', os.O_RDONLY | os.O_CREAT, 0o600)
    (fs.src / 'other').write_text('something else')
    fs.kill_server(signal.SIGSTOP)
    os.rename(fs.src / 'other', fs.src / 'file')
    fs.kill_server()
    with connection.Watchdog(fs.mnt, 20):
        try:
            seen = os.pread(fd, 100, 0)
        except OSError as error:
            seen = b'' if error.errno in (errno.ESTALE, errno.ENOENT) else b'?'
    assert seen == b'', 'the handle shows another file'
    _close_stale(fd)
    time.sleep(1.1)  # the entry's lifetime: from then on the kernel asks again
    assert (fs.mnt / 'file').read_text() == 'something else'


def test_directory_stream(fs):
    names = sorted(f'entry with a longer name {number:05}' for number in range(2000))
    for name in names:
        (fs.src / name).touch()
    seen = []
    with os.scandir(fs.mnt) as entries:
        for number, entry in enumerate(entries):
            seen.append(entry.name)
            if number % 300 == 10:
                fs.recover()
    assert sorted(seen) == names


def test_working_directory_and_mapping(fs):
    (fs.src / 'dir').mkdir()
    (fs.src / 'dir/file').write_bytes(b'1' * 65536)
    script = ('import mmap,os,sys\n'
              'os.chdir(sys.argv[1])\n'
              'f=open("file","r+b"); m=mmap.mmap(f.fileno(),65536)\n'
              'm[0:1]\nprint("ready",flush=True); sys.stdin.readline()\n'
              'm[40000:40004]=b"mapd"; m.flush()\n'
              'assert os.listdir(".")==["file"]; open("new","w").write("n")\n'
              'assert m[50000:50001]==b"1"; print("done",flush=True)\n')
    client = subprocess.Popen(['/usr/bin/python3', '-c', script, str(fs.mnt / 'dir')], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert client.stdout.readline() == 'ready\n'
        fs.kill_server()
        out, _ = client.communicate('\n', timeout=30)
        assert (out, client.returncode) == ('done\n', 0)
    finally:
        client.kill()
    assert (fs.src / 'dir/file').read_bytes()[40000:40004] == b'mapd'
    assert (fs.src / 'dir/new').read_text() == 'n'


def test_locks_are_still_held(bench):
    """A flock taken before the kill keeps others out after it, and can be given back."""
    fs = bench.add()
    (fs.mnt / 'file').write_text('x')
    with open(fs.mnt / 'file', 'r+') as one, open(fs.mnt / 'file', 'r+') as two:
        fcntl.flock(one, fcntl.LOCK_EX)
        fs.recover()
        with pytest.raises(BlockingIOError):
            fcntl.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(one, fcntl.LOCK_UN)
        fcntl.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_calls_made_while_nobody_serves(fs):
    """The kernel keeps what is asked meanwhile; each gets its answer, once."""
    keeper = fs.keeper()
    procs.send(keeper, signal.SIGSTOP)
    fs.kill_server()
    results = [None] * 20

    def make(number):
        os.mkdir(fs.mnt / f'dir.{number}')
        results[number] = number

    threads = [threading.Thread(target=make, args=(number,)) for number in range(20)]
    with connection.Watchdog(fs.mnt, 30) as dog:
        for thread in threads:
            thread.start()
        assert procs.wait_until(lambda: (connection.waiting(fs.number) or 0) > 0, 10)
        assert results == [None] * 20
        procs.send(keeper, signal.SIGCONT)
        for thread in threads:
            thread.join(40)
        assert not dog.fired
    assert results == list(range(20)) and len(os.listdir(fs.mnt)) == 20


def test_auto_unmount_does_not_take_the_mount_away(bench):
    fs = bench.add(options=['auto_unmount'])
    for _ in range(3):
        fs.recover()
    (fs.mnt / 'file').write_text('x')
    assert (fs.src / 'file').read_text() == 'x'


def test_daemon_recovers(bench):
    """Without -f: the server is a daemon, and so are its successors."""
    fs = bench.add(args=[])
    assert fs.process.wait(10) == 0
    for _ in range(3):
        fs.recover()
        (fs.mnt / 'file').write_text('x')


def test_successor_runs_as_the_first_did(bench):
    """Arguments, environment, working directory, user and standard streams are those of before."""
    fs = bench.add('hello_ll', env={'SOME_VARIABLE': 'some value'})

    def facts(pid):
        with open(f'/proc/{pid}/environ', 'rb') as file:
            env = set(file.read().split(b'\0'))
        with open(f'/proc/{pid}/status', encoding='utf-8') as file:
            status = [line for line in file if line.startswith(('Uid', 'Gid', 'Groups', 'Umask',
                                                                'SigIgn', 'SigBlk'))]
        streams = [os.readlink(f'/proc/{pid}/fd/{number}') for number in range(3)]
        return (procs.cmdline(pid), os.readlink(f'/proc/{pid}/cwd'), procs.exe_of(pid), status,
                streams, b'SOME_VARIABLE=some value' in env)

    before = facts(fs.server())
    fs.recover()
    assert facts(fs.server()) == before


def test_figures_after_everything_was_forgotten(bench):
    """What the library still holds for the kernel is what it held on the fresh mount."""
    fs = bench.add()
    fresh = fs.figures()
    assert fresh is not None, 'no way to read the figures'
    for number in range(200):
        (fs.src / f'{number}').write_text('x')
    for _ in range(3):
        for number in range(200):
            assert (fs.mnt / f'{number}').read_text() == 'x'
        assert fs.figures()['nodes'] > fresh['nodes']
        fs.recover()
        os.listdir(fs.mnt)

    def forgotten():
        connection.drop_unused(fs.mnt)
        now = fs.figures()
        return now['nodes'] == fresh['nodes'] and now['handles'] == fresh['handles']

    procs.wait_until(forgotten, 10, 0.05)
    now = fs.figures()
    assert (now['nodes'], now['handles']) == (fresh['nodes'], fresh['handles'])
    assert now['generation'] == 4


def _median_recovery(fs, name, count):
    times = []
    for _ in range(count):
        moment = fs.kill_server()
        with connection.Watchdog(fs.mnt, 60):
            os.statvfs(fs.mnt / name)
        times.append((time.monotonic_ns() - moment) / 1e9)
        procs.wait_until(fs.servers, 5)
    return statistics.median(times)


def _know(fs, count):
    """Makes the kernel and the server know this many nodes, and keeps the kernel from dropping
    them by holding the names in its cache."""
    for number in range(count):
        if number % 1000 == 0:
            (fs.src / f'd{number // 1000}').mkdir()
        (fs.src / f'd{number // 1000}/{number}').touch()
    for number in range(count):
        os.stat(fs.mnt / f'd{number // 1000}/{number}')


def _time_does_not_grow(bench, nodes, record_property):
    # passthrough_ll keeps a descriptor for each node.
    nodes = min(nodes, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 1000)
    fs = bench.add()
    (fs.src / 'one').write_text('x')
    idle = _median_recovery(fs, '.', 9)
    held = _open_files(fs, 100)
    with_files = _median_recovery(fs, '.', 9)
    _know(fs, nodes)
    known = fs.figures()
    with_nodes = _median_recovery(fs, '.', 9)
    first_use = _median_recovery(fs, f'd0/{min(nodes, 999) - 1}', 5)
    for fd in held:
        os.close(fd)
    for name, value in (('idle', idle), ('100 open files', with_files),
                        (f'{nodes} nodes', with_nodes), ('a known node', first_use)):
        record_property(f'recovery with {name} ms', round(value * 1e3, 2))
        print(f'recovery, {name}: {value * 1e3:.2f} ms ({value / idle:.1f} times idle)')
    assert known is None or known['nodes'] > nodes
    # Lazy recovery: the table's size may not show. Ten times leaves room for a busy machine only.
    assert with_files < idle * 10 and with_nodes < idle * 10


@pytest.mark.limit(120)
def test_time_does_not_grow_with_the_table(bench, record_property):
    _time_does_not_grow(bench, 20_000, record_property)


@pytest.mark.long
@pytest.mark.limit(600)
def test_time_does_not_grow_with_a_large_table(bench, record_property):
    _time_does_not_grow(bench, 100_000, record_property)


def _waits_in_poll(fs, how):
    """How long somebody waits for the next line of poll_ll, and the line."""
    fd = os.open(fs.mnt / 'ticks', os.O_RDONLY | os.O_NONBLOCK)
    try:
        if how == 'poll':
            waits = select.poll()
            waits.register(fd, select.POLLIN)
            ready = waits.poll(20_000)
        elif how == 'epoll':
            with select.epoll() as waits:
                waits.register(fd, select.EPOLLIN)
                ready = waits.poll(20)
        else:
            ready = select.select([fd], [], [], 20)[0]
        return os.read(fd, 100) if ready else b''
    finally:
        os.close(fd)


def _sleeps_in_poll(thread):
    """By the number of the system call it is in: poll, select, epoll_wait and their variants."""
    with open(f'/proc/self/task/{thread.native_id}/syscall', encoding='ascii') as file:
        return file.read().split()[0] in ('7', '23', '232', '270', '271', '281')


@pytest.mark.parametrize('kills', [1, 4])
@pytest.mark.parametrize('how', ['poll', 'epoll', 'select'])
def test_who_waits_in_poll_sees_what_comes_after(bench, how, kills):
    """The handle he would be woken by died with the server."""
    fs = bench.add('poll_ll', options=['period=2000'])
    lines = []
    waiting = threading.Thread(target=lambda: lines.append(_waits_in_poll(fs, how)))
    waiting.start()
    assert procs.wait_until(lambda: _sleeps_in_poll(waiting), 10)
    for _ in range(kills):
        fs.recover()
    waiting.join(30)
    assert lines in ([b'tick 1\n'], [b'tick 2\n']), fs.log()
