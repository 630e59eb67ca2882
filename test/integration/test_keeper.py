"""The keeper's own troubles, and what there is when reconnect is off: nothing."""

import errno
import os
import signal
import subprocess
import threading

import pytest

from fusetest import connection, procs


def _errno_of(function, *args):
    try:
        function(*args)
    except OSError as error:
        return error.errno
    return 0


def _wait_for_another(fs, *former):
    """Not only a process: it has been given what it is to hold, so that the server may go."""
    def holding():
        return [pid for pid in fs.keepers()
                if pid not in former and str(fs.state()) in procs.open_files(pid)]
    assert procs.wait_until(holding, 10), fs.log()


def test_keeper_that_dies_is_replaced(bench):
    fs = bench.add()
    first = fs.keeper()
    (fs.mnt / 'file').write_text('x')
    procs.send(first, signal.SIGKILL)
    _wait_for_another(fs, first)
    assert (fs.mnt / 'file').read_text() == 'x'
    second = fs.keeper()
    fs.recover()
    assert (fs.mnt / 'file').read_text() == 'x'
    procs.send(second, signal.SIGKILL)
    _wait_for_another(fs, first, second)
    fs.recover()
    assert (fs.mnt / 'file').read_text() == 'x'


def test_keeper_killed_many_times(bench):
    fs = bench.add()
    for number in range(10):
        old = fs.keeper()
        procs.send(old, signal.SIGKILL)
        _wait_for_another(fs, old)
        (fs.mnt / f'{number}').write_text('x')
    fs.recover()
    assert len(os.listdir(fs.mnt)) == 10
    assert len(fs.keepers()) == 1


def test_keeper_is_no_child_and_no_burden(bench):
    """The server's own children stay its own, and no descriptor leaks into the successor."""
    fs = bench.add()

    def forgotten():
        figures = fs.figures()
        return figures and figures['nodes'] == 1 and figures['handles'] == 0

    def held():
        return len(procs.open_files(fs.server())), procs.fd_count(fs.keeper())

    counts = []
    for _ in range(6):
        fs.recover()
        os.listdir(fs.mnt)
        connection.drop_unused(fs.mnt)
        # The kernel does not wait until the server has heard of it.
        assert procs.wait_until(forgotten, 10), fs.figures()
        counts.append(held())
    assert procs.wait_until(lambda: held() == min(counts), 10), (counts, held())
    assert procs.fd_count(fs.server()) < 64
    assert len(fs.servers()) == 1 and len(fs.keepers()) == 1
    for pid in procs.tagged(fs.tag):
        assert procs.state_of(pid) != 'Z'


def test_keeper_and_server_killed_at_once(bench):
    """The mount is lost, as without reconnect; a fresh start works and says what it found."""
    fs = bench.add()
    lost = fs.number
    (fs.mnt / 'file').write_text('x')
    fs.kill_server(signal.SIGSTOP)
    keeper = fs.keeper()
    procs.send(keeper, signal.SIGKILL)
    fs.kill_server()
    with connection.Watchdog(fs.mnt, 15) as dog:
        # A call that is under way gets ECONNABORTED; those that come later, ENOTCONN.
        lost_now = procs.wait_until(lambda: _errno_of(os.statvfs, fs.mnt) == errno.ENOTCONN, 10)
    assert lost_now and not dog.fired
    log_before = len(fs.log())
    fs.start(wait=False)
    assert procs.wait_until(lambda: fs.process.poll() is not None or
                            _errno_of(os.statvfs, fs.mnt) == 0, 20)
    assert str(fs.mnt) in fs.log()[log_before:], 'not a word about the dead mount'
    if fs.process.poll() is not None:
        # A dead mountpoint is refused without reconnect, too: it is for the user to unmount it.
        assert fs.process.returncode > 0
        connection.detach(fs.mnt)
        fs.start()
    assert (fs.mnt / 'file').read_text() == 'x'
    fs.recover()
    assert (fs.mnt / 'file').read_text() == 'x'
    while fs.mount():
        # The dead one may lie below.
        subprocess.run(['umount', str(fs.mnt)], check=True, timeout=20)
    assert procs.wait_until(lambda: not procs.tagged(fs.tag), 10), fs.leftovers()
    # Files of the lost mount stay until its number is used again; nobody else removes them.
    left = {path.name for path in fs.runtime.iterdir()}
    assert left <= {f'{lost}.state', f'{lost}.sock'}
    for path in fs.runtime.iterdir():
        path.unlink()


def test_a_stopped_server_outlives_its_keeper(bench):
    """A server that the keeper started is not told to end, or to go on, by the keeper's end."""
    fs = bench.add()
    fs.recover()
    server, keeper = fs.server(), fs.keeper()
    procs.send(server, signal.SIGSTOP)
    procs.send(keeper, signal.SIGKILL)
    assert procs.wait_until(lambda: not procs.is_alive(keeper), 10)
    assert procs.state_of(server) == 'T'
    procs.send(server, signal.SIGCONT)
    assert procs.wait_until(lambda: fs.keepers() not in ([], [keeper]), 10)
    os.statvfs(fs.mnt)
    assert fs.server() == server


def test_aborted_connection_ends_everything(bench):
    """Somebody writes to the connection's abort file: server and keeper go, the state too."""
    fs = bench.add()
    connection.abort(fs.number)
    assert _errno_of(os.statvfs, fs.mnt) in (errno.ENOTCONN, errno.ECONNABORTED)
    assert procs.wait_until(lambda: not procs.tagged(fs.tag), 15), fs.leftovers()
    connection.detach(fs.mnt)
    assert procs.wait_until(lambda: not fs.leftovers(), 5), fs.leftovers()


def test_unmount_while_nobody_serves(bench):
    """The mount goes away during an outage: no successor is left hanging around."""
    fs = bench.add()
    os.listdir(fs.mnt)
    keeper = fs.keeper()
    procs.send(keeper, signal.SIGSTOP)
    fs.kill_server()
    connection.detach(fs.mnt)
    procs.send(keeper, signal.SIGCONT)
    assert procs.wait_until(lambda: not fs.leftovers(), 15), fs.leftovers()


def _exit_state(fs):
    server = fs.server()
    names = {os.readlink(f'/proc/{server}/fd/{fd}') for fd in os.listdir(f'/proc/{server}/fd')}
    with open(f'/proc/{server}/maps', encoding='utf-8') as file:
        maps = file.read()
    return names, maps


@pytest.mark.parametrize('example', ['hello_ll', 'passthrough_ll'])
def test_off_costs_nothing(bench, example):
    fs = bench.add(example, reattach=False)
    assert procs.tagged(fs.tag) == [fs.server()], 'another process'
    assert list(fs.runtime.iterdir()) == []
    names, maps = _exit_state(fs)
    assert not [name for name in names if 'memfd' in name or '.state' in name]
    assert '.state' not in maps and 'memfd' not in maps
    fs.dirty = True
    fs.kill_server()
    assert procs.wait_until(lambda: _errno_of(os.statvfs, fs.mnt) == errno.ENOTCONN, 10)
    assert procs.tagged(fs.tag) == []


@pytest.mark.parametrize('how', ['no_reattach', 'FUSE_REATTACH=0'])
def test_switched_off(bench, how):
    """The option wins over the environment; and 0 means no."""
    options = ['no_reattach'] if how == 'no_reattach' else []
    env = {'FUSE_REATTACH': '1' if options else '0'}
    fs = bench.add('hello_ll', options=options, reattach=False, env=env)
    assert fs.keepers() == [] and list(fs.runtime.iterdir()) == []


@pytest.mark.parametrize('how', ['option', 'environment'])
def test_switched_on(bench, how):
    fs = bench.add('hello_ll', options=['reattach'] if how == 'option' else [],
                   reattach=how == 'environment')
    assert fs.keeper() and fs.state().exists()
    fs.recover()
    assert (fs.mnt / 'hello').read_bytes()


def test_switched_on_in_the_configuration(bench, work):
    """A line `reattach` in /etc/fuse.conf, shown to this server alone: its mount namespace has
    another file there, while the mount itself is made in a folder both namespaces share."""
    configuration = work / 'fuse.conf'
    configuration.write_text('# for this test\nreattach\n')
    shared = work / 'shared'
    shared.mkdir()
    subprocess.run(['mount', '--bind', str(shared), str(shared)], check=True, timeout=10)
    try:
        subprocess.run(['mount', '--make-shared', str(shared)], check=True, timeout=10)
        script = ('set -e; test -e /etc/fuse.conf || exit 77; '
                  'at=$(findmnt -n -o TARGET -T /etc/fuse.conf); mount --make-private "$at"; '
                  f'mount --bind {configuration} /etc/fuse.conf; exec "$@"')
        fs = bench.add('hello_ll', reattach=False, work=shared, prefix=[
            'unshare', '--mount', '--propagation', 'unchanged', 'sh', '-c', script, 'sh'])
        assert fs.keeper() and fs.state().exists()
        fs.recover()
        assert (fs.mnt / 'hello').read_bytes()
        assert fs.unmount(), fs.leftovers()
    finally:
        for fs in bench.mounts:
            fs.stop()
        subprocess.run(['umount', '-l', str(shared)], check=False, timeout=10)


def test_a_folder_that_is_no_mount_is_simply_mounted(bench):
    """reattach on, nothing there to take over: an ordinary first start, without a complaint."""
    fs = bench.add('hello_ll')
    assert (fs.mnt / 'hello').read_bytes()
    assert 'rror' not in fs.log()


def test_outage_is_bridged_for_many_callers(bench):
    """Callers of every kind wait through one recovery, and each gets its own answer."""
    fs = bench.add()
    for number in range(30):
        (fs.src / f'{number}').write_text(f'text {number}')
    texts = {}

    def read(number):
        texts[number] = (fs.mnt / f'{number}').read_text()

    keeper = fs.keeper()
    procs.send(keeper, signal.SIGSTOP)
    fs.kill_server()
    threads = [threading.Thread(target=read, args=(number,)) for number in range(30)]
    with connection.Watchdog(fs.mnt, 30) as dog:
        for thread in threads:
            thread.start()
        procs.wait_until(lambda: (connection.waiting(fs.number) or 0) >= 20, 5)
        procs.send(keeper, signal.SIGCONT)
        for thread in threads:
            thread.join(40)
    assert not dog.fired and texts == {number: f'text {number}' for number in range(30)}
