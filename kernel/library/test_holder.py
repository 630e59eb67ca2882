"""The library where the kernel keeps a connection that has no server: reattach_holder=kernel, and auto when
server and keeper are lost at once."""
# SPDX-License-Identifier: GPL-2.0

import json
import os
import signal
import struct
import subprocess
import time
from pathlib import Path

import pytest

from fusetest import connection, paths, procs
from fusetest.filesystem import RESTART
from integration import AS_NOBODY

CLIENT = Path(__file__).with_name('client.py')
# In the header of a state (lib/reconnect/layout.h).
MOUNT_ID, KERNEL_SERVERS = 13032, 13040


def kernel_mount(bench, options=(), **kwargs):
    """A mount that only the kernel keeps; who starts its server again is the test."""
    return bench.add(options=['reattach_holder=kernel', *options], **kwargs)


def kill(fs):
    pid = fs.server()
    fs.kill_server()
    assert procs.wait_until(lambda: not procs.is_alive(pid), 10)


def output(process):
    return process.output.read_text(errors='replace')


def refused(fs, **kwargs):
    """What the command says when it is given again and does not get the mount."""
    process = fs.spawn_again(**kwargs)
    assert process.wait(30) > 0, output(process)
    return output(process)


def taken_over(fs, **kwargs):
    process = fs.spawn_again(**kwargs)
    with connection.Watchdog(fs.mnt, 30) as dog:
        os.statvfs(fs.mnt)
    assert not dog.fired, output(process)
    return process


def generation(fs):
    return int((connection.FUSECTL / str(fs.number) / 'generation').read_text())


class Client:
    """An application of its own, since closing files waits for the server."""

    def __init__(self, path, how):
        self._process = subprocess.Popen(['/usr/bin/python3', str(CLIENT), str(path), how], text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT)
        assert self._process.stdout.readline() == 'ready\n'

    def end(self):
        """How many rounds it made; fails with what went wrong."""
        try:
            said, _ = self._process.communicate('\n', timeout=40)
        finally:
            self._process.kill()
        assert self._process.returncode == 0, said
        return int(said)


@pytest.mark.parametrize('how', ['writeback', 'direct_io', 'mapped'])
@pytest.mark.parametrize('threads', [['-f', '-s'], ['-f']], ids=['single', 'multi'])
@pytest.mark.limit(200)
def test_server_and_keeper_killed_at_once(bench, how, threads, rng):
    """By giving the command again everything goes on, and there is a keeper again."""
    options = {'writeback': ['writeback'], 'direct_io': ['direct_io'], 'mapped': []}[how]
    fs = bench.add(args=threads, options=[*options, 'clone_fd'] if threads == ['-f'] else options)
    client = Client(fs.mnt / 'file', how)
    for number in range(6):
        time.sleep(rng.random() * 0.1)
        server, keeper = fs.server(), fs.keeper()
        for pid in (keeper, server):
            procs.send(pid, signal.SIGSTOP)
        for pid in (server, keeper):
            procs.send(pid, signal.SIGKILL)
        assert procs.wait_until(lambda pids=(server, keeper): not any(map(procs.is_alive, pids)), 10)
        taken_over(fs)
        assert generation(fs) == number + 2
        assert fs.keeper() != keeper
    assert client.end() > 0
    # It is a keeper like any other.
    fs.recover()
    assert generation(fs) == 7


def test_same_command_takes_over(bench):
    fs = kernel_mount(bench)
    assert not fs.keepers()
    client = Client(fs.mnt / 'file', 'plain')
    for number in range(5):
        (fs.mnt / f'{number}').write_text('x')
        kill(fs)
        taken_over(fs)
        assert not fs.keepers() and generation(fs) == number + 2
        assert fs.figures()['generation'] == number + 2
    assert client.end() > 0
    assert sorted(os.listdir(fs.mnt)) == ['0', '1', '2', '3', '4', 'file']
    assert fs.unmount(), fs.leftovers()


@pytest.mark.parametrize('example', ['hello_ll', 'hello', 'passthrough'])
def test_daemons_and_both_interfaces(bench, example):
    fs = kernel_mount(bench, example=example, args=[])
    for _ in range(3):
        kill(fs)
        assert fs.spawn_again().wait(20) == 0
        assert os.listdir(fs.mnt) == (['hello'] if 'hello' in example else [])


def test_killed_while_it_takes_over(bench, rng):
    """Also between the answer to INIT and knowing that it counts."""
    fs = kernel_mount(bench)
    client = Client(fs.mnt / 'file', 'plain')
    for number in range(12):
        kill(fs)
        again = fs.spawn_again()
        time.sleep(0.01 * number + rng.random() * 0.01)
        procs.send(again.pid, signal.SIGKILL)
        again.wait(10)
        taken_over(fs)
    assert client.end() > 0
    assert generation(fs) >= 13


def test_one_of_several_gets_it(bench):
    fs = kernel_mount(bench)
    for number in range(4):
        (fs.mnt / f'{number}').write_text('x')
        kill(fs)
        rivals = [fs.spawn_again() for _ in range(3)]
        with connection.Watchdog(fs.mnt, 30):
            os.statvfs(fs.mnt)
        assert procs.wait_until(lambda: sum(r.poll() is None for r in rivals) == 1, 20)
        for rival in rivals:
            if rival.poll() is not None:
                assert rival.returncode > 0 and 'cannot take over' in output(rival)
        assert generation(fs) == number + 2
    assert len(os.listdir(fs.mnt)) == 4


def test_living_server_is_not_disturbed(bench):
    fs = kernel_mount(bench)
    server = fs.server()
    assert f'process {server}' in refused(fs)
    assert fs.servers() == [server] and generation(fs) == 1


def test_state_of_a_former_mount_with_the_number_is_refused(bench):
    """The connection has the same number, the same user and the same mountpoint's name; the mount is another."""
    first = kernel_mount(bench)
    first.dirty = True
    number, state = first.number, first.state()
    kill(first)
    connection.abort(number)
    connection.detach(first.mnt)
    assert state.exists()
    second = kernel_mount(bench)
    assert second.number == number
    kill(second)
    own = second.state().rename(second.runtime / 'own')
    state.rename(second.state())
    assert 'belongs to another mount' in refused(second)
    second.state().unlink()
    own.rename(second.state())
    taken_over(second)
    assert generation(second) == 2


def poke(path, offset, value):
    with open(path, 'r+b') as file:
        file.seek(offset)
        before = struct.unpack('<Q', file.read(8))[0]
        file.seek(offset)
        file.write(struct.pack('<Q', value))
    return before


@pytest.mark.parametrize('wrong', [2, 1 << 40, 1 << 63 | 7])
def test_wrong_generation_is_refused(bench, wrong):
    fs = kernel_mount(bench)
    kill(fs)
    before = poke(fs.state(), KERNEL_SERVERS, wrong)
    assert 'another server' in refused(fs) and generation(fs) == 1
    poke(fs.state(), KERNEL_SERVERS, before)
    taken_over(fs)
    assert generation(fs) == 2


def test_server_that_died_before_it_knew_that_it_counts(bench):
    fs = kernel_mount(bench)
    kill(fs)
    taken_over(fs)
    kill(fs)
    assert poke(fs.state(), KERNEL_SERVERS, 1 << 63 | 1) == 2
    taken_over(fs)
    assert generation(fs) == 3


def test_mount_without_its_number_is_refused(bench):
    fs = kernel_mount(bench)
    kill(fs)
    before = poke(fs.state(), MOUNT_ID, 0)
    assert 'belongs to another mount' in refused(fs)
    poke(fs.state(), MOUNT_ID, before)
    taken_over(fs)


def test_other_user_is_refused(bench, work):
    """Neither by the state nor with a copy of it."""
    fs = kernel_mount(bench, options=['allow_other'])
    kill(fs)
    fs.work.chmod(0o711)
    env = {'RUNTIME_DIRECTORY': None, 'LD_LIBRARY_PATH': str(paths.build_dir() / 'lib')}
    fs.prefix = AS_NOBODY
    assert 'Permission denied' in refused(fs, options=['reattach_holder=kernel', f'reattach_dir={fs.runtime}'], env=env)
    own = work / 'run'
    own.mkdir(mode=0o700)
    work.chmod(0o711)
    copy = own / fs.state().name
    subprocess.run(['cp', '--sparse=always', fs.state(), copy], check=True, timeout=20)
    for path, mode in ((own, 0o700), (copy, 0o600)):
        path.chmod(mode)
        os.chown(path, 65534, 65534)
    refused(fs, options=['reattach_holder=kernel', f'reattach_dir={own}'], env=env)
    fs.prefix = []
    taken_over(fs)
    assert generation(fs) == 2


def test_deadline_ends_it(bench):
    fs = kernel_mount(bench, options=['reattach_timeout=1'])
    fs.dirty = True
    kill(fs)
    with pytest.raises(OSError):
        os.statvfs(fs.mnt)
    refused(fs)
    connection.detach(fs.mnt)


@pytest.mark.parametrize('holder', ['kernel', 'auto'])
def test_orderly_end_leaves_nobody_waiting(bench, holder):
    """Who has a file open gets an error at once, as on any kernel, and does not wait for a successor."""
    fs = bench.add(options=[f'reattach_holder={holder}'])
    held = subprocess.Popen(['/usr/bin/python3', '-c', 'import os,sys\n'
                             'fd=os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)\n'
                             'print("open", flush=True); sys.stdin.readline()\n'
                             'try: os.fsync(fd); os.pread(fd, 1, 0); os.pwrite(fd, b"x", 0); os.fsync(fd)\n'
                             'except OSError as error: print(error.errno, flush=True)\n'
                             'os._exit(0)\n', str(fs.mnt / 'file')],
                            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert held.stdout.readline() == 'open\n'
    start = time.monotonic()
    fs.kill_server(signal.SIGTERM)
    assert procs.wait_until(lambda: not fs.leftovers(), 15), fs.leftovers()
    said, _ = held.communicate('\n', timeout=20)
    assert said and time.monotonic() - start < 40  # the deadline is at 60


def test_what_is_not_possible_is_said(bench):
    for options, said in ((['reattach_holder=kernel', 'auto_unmount'], 'auto_unmount'),
                          (['reattach_holder=kernel', 'reattach_dir=/var/tmp/fusetest.run'], 'not on tmpfs')):
        fs = bench.add(start=False, options=options, env={'RUNTIME_DIRECTORY': None})
        text = refused(fs)
        assert 'reattach_holder=kernel is not possible' in text and said in text
        assert fs.mount() is None


def tool(*words, fs):
    done = subprocess.run([str(paths.build_dir() / 'util' / 'reattach' / 'fuse-reattach'), '--dir',
                           str(fs.runtime), *(str(word) for word in words)], capture_output=True, text=True,
                          timeout=60, check=False, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def test_fuse_reattach(bench):
    fs = kernel_mount(bench)
    said = json.loads(tool('status', fs.mnt, '--json', fs=fs)[1])
    assert (said['state'], said['server_pid'], said['keeper_pid']) == ('LIVE', fs.server(), None)
    assert str(fs.mnt) in tool('list', fs=fs)[1]
    code, text = tool('upgrade', fs.mnt, fs=fs)
    assert code != 0 and 'takes over' in text
    kill(fs)
    assert json.loads(tool('status', fs.mnt, '--json', fs=fs)[1])['state'] == 'DETACHED'
    taken_over(fs)
    assert procs.wait_until(
        lambda: json.loads(tool('status', fs.mnt, '--json', fs=fs)[1])['state'] == 'LIVE', 10)
    assert tool('stop', fs.mnt, fs=fs)[0] == 0
    assert procs.wait_until(lambda: not fs.leftovers(), 10), fs.leftovers()


@pytest.mark.parametrize('command', ['stop', 'abort'])
def test_fuse_reattach_ends_what_nobody_serves(bench, command):
    fs = kernel_mount(bench)
    kill(fs)
    assert tool(command, fs.mnt, fs=fs)[0] == 0
    if command == 'abort':
        with pytest.raises(OSError):
            os.statvfs(fs.mnt)
        connection.detach(fs.mnt)
    assert not fs.leftovers()


def test_a_loop_that_starts_it_again_is_enough(bench):
    """What a unit with Restart=, or this test's helper, does."""
    fs = bench.add(start=False, options=['reattach_holder=kernel'])
    fs.prefix = ['/usr/bin/python3', str(RESTART), str(fs.mnt)]
    fs.start()
    for number in range(5):
        fs.recover()
        (fs.mnt / f'{number}').write_text('x')
    assert len(os.listdir(fs.mnt)) == 5
