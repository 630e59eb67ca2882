"""fuse-reattach upgrade: another server takes over without a request run twice, or the old one stays."""

import json
import os
import signal
import subprocess
import threading
import time

import pytest

from fusetest import connection, paths, procs
from fusetest.workloads import Runner

DONE, FAILED, NOT_ALLOWED, IN_USE, OLD_ONE_SERVES = 0, 1, 5, 7, 8
MODES = {'single': ['-f', '-s'], 'multi': ['-f'], 'background': []}


def tool():
    return paths.build_dir() / 'util' / 'reattach' / 'fuse-reattach'


@pytest.fixture(autouse=True, scope='module')
def built():
    if not tool().exists():
        pytest.skip('fuse-reattach was not built: CLI11 is missing')


def run_upgrade(fs, *command, options=()):
    words = [tool(), 'upgrade', *options, fs.mnt, *(['--', *command] if command else [])]
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=100,
                          check=False, stdin=subprocess.DEVNULL, cwd='/')


def inside(fs):
    """What the server has in hand."""
    return subprocess.run([str(tool()), 'inspect', str(fs.mnt)], capture_output=True, text=True,
                          timeout=30, check=False).stdout


def upgrade(fs, *command, options=(), expect=DONE):
    done = run_upgrade(fs, *command, options=options)
    assert done.returncode == expect, '\n'.join((done.stdout, done.stderr, fs.log(), inside(fs)))
    return done.stdout + done.stderr


def upgrade_in_the_end(fs):
    """A machine that stands still for seconds has an upgrade put off: then the old server goes on, and
    the next attempt has to do. What that lost or did twice would show."""
    for _ in range(3):
        done = run_upgrade(fs)
        if done.returncode != OLD_ONE_SERVES:
            break
        print(done.stderr, inside(fs))
    assert done.returncode == DONE, '\n'.join((done.stdout, done.stderr, fs.log()))


def status(fs):
    done = subprocess.run([str(tool()), 'status', '--json', str(fs.mnt)], capture_output=True,
                          text=True, timeout=30, check=True)
    return json.loads(done.stdout)


def script(work, name, text):
    path = work / name
    path.write_text(f'#!/bin/sh\n{text}\n')
    path.chmod(0o755)
    return path


@pytest.mark.limit(200)
@pytest.mark.parametrize('mode', MODES)
def test_twenty_times_under_work(bench, work, seed, rng, mode):
    """Applications see nothing, and nothing is replayed."""
    fs = bench.add(args=MODES[mode])
    runner = Runner(fs.mnt, work / 'workloads', ['probe', 'effects'], 120, seed)
    servers = {fs.server()}
    try:
        assert procs.wait_until(runner.begun, 30)
        for _ in range(20):
            time.sleep(rng.random() * 0.2)
            upgrade_in_the_end(fs)
            servers.add(status(fs)['server_pid'])
        runner.stop()
        records = runner.wait(60)
    finally:
        runner.cancel()
    errors = [f'{name}: {text}' for name, record in records.items() for text in record.errors]
    assert not errors, '\n'.join(errors[:20])
    assert all(record.operations > 0 for record in records.values())
    figures = fs.figures()
    assert figures['generation'] == 21 and len(servers) == 21
    assert figures['replayed'] == figures['poisoned'] == figures['stale'] == 0, figures


@pytest.mark.limit(150)
def test_with_a_loop_of_its_own(bench):
    """Its turns are kept, and who reads sees nothing of ten upgrades."""
    fs = bench.add(str(paths.build_dir() / 'test/tools/turns_ll'), args=())
    failures, over, reads = [], threading.Event(), [0]

    def read():
        try:
            while not over.is_set():
                with open(fs.mnt / '1' / '2' / 'file', 'rb') as file:
                    assert file.read() == b'003\n'
                reads[0] += 1
        except (OSError, AssertionError) as error:
            failures.append(repr(error))

    readers = [threading.Thread(target=read, daemon=True) for _ in range(3)]
    with connection.Watchdog(fs.mnt, 120) as dog:
        for reader in readers:
            reader.start()
        for _ in range(10):
            upgrade(fs)
        over.set()
        for reader in readers:
            reader.join(20)
    assert not failures and not dog.fired and reads[0] > 0
    assert fs.figures()['generation'] == 11 and fs.figures()['replayed'] == 0
    assert 'wrong' not in fs.log(), fs.log()


@pytest.mark.parametrize('program', ['passthrough_rare_ll', 'passthrough_rare_hl'])
def test_destroy_is_called_by_who_leaves(bench, program):
    """As at any orderly end, so that a filesystem writes what it holds; not by who is killed."""
    fs = bench.add(str(paths.build_dir() / 'test/tools' / program))
    (fs.mnt / 'file').write_text('x')
    upgrade(fs)
    assert fs.log().count('destroyed') == 1
    fs.recover()
    assert fs.log().count('destroyed') == 1
    upgrade(fs)
    assert fs.log().count('destroyed') == 2
    assert (fs.mnt / 'file').read_text() == 'x'
    assert fs.unmount() and fs.log().count('destroyed') == 3


def test_high_level_keeps_open_files(bench):
    fs = bench.add('passthrough')
    with open(fs.mnt / 'file', 'w+', encoding='ascii') as file:
        for number in range(5):
            file.write(f'{number}')
            file.flush()
            upgrade(fs)
        file.seek(0)
        assert file.read() == '01234'
    assert fs.figures()['replayed'] == 0


def test_a_new_command_is_started_from_then_on(bench, work):
    fs = bench.add()
    copy = work / 'new_passthrough'
    copy.write_bytes(fs.exe.read_bytes())
    copy.chmod(0o755)
    (fs.mnt / 'file').write_text('x')
    said = upgrade(fs, 'env', f'LD_LIBRARY_PATH={paths.build_dir() / "lib"}', copy, '-f', '-o',
                   f'source={fs.src}', fs.mnt)
    server = status(fs)['server_pid']
    assert f'process {server}' in said and procs.exe_of(server) == str(copy)
    assert (fs.mnt / 'file').read_text() == 'x'
    procs.send(server, signal.SIGKILL)
    with connection.Watchdog(fs.mnt, 30) as dog:
        assert (fs.mnt / 'file').read_text() == 'x'
    assert not dog.fired and procs.exe_of(status(fs)['server_pid']) == str(copy)
    assert status(fs)['generation'] == 3


@pytest.mark.parametrize('how', ['ends', 'ends_well', 'crashes', 'hangs', 'is_no_program'])
def test_a_new_command_that_cannot_serve(bench, work, how):
    """The old one comes back, and the tool says so."""
    fs = bench.add()
    (fs.mnt / 'file').write_text('x')
    before = status(fs)
    broken = script(work, 'broken', {'ends': 'exit 5', 'ends_well': 'exit 0', 'crashes': 'kill -SEGV $$',
                                     'hangs': 'exec sleep 1000', 'is_no_program': ''}[how])
    if how == 'is_no_program':
        broken.write_bytes(b'\x7fELF' + b'x' * 100)
    with connection.Watchdog(fs.mnt, 50) as dog:
        said = upgrade(fs, broken, 'x', options=['--start-within', '2'], expect=OLD_ONE_SERVES)
        assert (fs.mnt / 'file').read_text() == 'x'
    assert not dog.fired and 'serves it again' in said, said
    after = status(fs)
    assert after['state'] == 'LIVE' and after['program'] == before['program'] == str(fs.exe)
    assert after['server_pid'] != before['server_pid'] and after['replayed'] == 0
    assert procs.wait_until(lambda: len(procs.tagged(fs.tag)) == 2, 10), fs.leftovers()


def test_a_new_command_with_other_capabilities(bench):
    """It takes over, wants what was not agreed on with the kernel, and is sent away."""
    fs = bench.add()
    said = upgrade(fs, fs.exe, '-f', '-o', f'writeback,source={fs.src}', fs.mnt, expect=OLD_ONE_SERVES)
    assert 'serves it again' in said
    assert status(fs)['state'] == 'LIVE'
    (fs.mnt / 'file').write_text('x')


def test_what_is_refused(bench, work):
    fs = bench.add()
    assert 'missing' in upgrade(fs, work / 'missing', expect=FAILED)
    first = status(fs)['server_pid']
    # Two at once: one of them is told, or comes after the other.
    both = [subprocess.Popen([str(tool()), 'upgrade', str(fs.mnt)], stderr=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL) for _ in range(2)]
    codes = sorted(process.wait(60) for process in both)
    assert codes[0] == DONE and codes[1] in (DONE, IN_USE)
    assert status(fs)['server_pid'] != first
    os.listdir(fs.mnt)


@pytest.mark.limit(90)
@pytest.mark.parametrize('mode', ['single', 'multi'])
def test_a_request_that_takes_too_long(bench, mode):
    """It shows a filesystem whose server stands still: the request cannot be finished, so the server
    stays, finishes it later, and can be upgraded then."""
    below = bench.add('hello_ll', args=['-f', '-s'], reattach=False)
    fs = bench.add(args=MODES[mode], source=below.mnt, options=['cache=never'])
    server = status(fs)['server_pid']
    stopped = below.server()
    procs.send(stopped, signal.SIGSTOP)
    try:
        asker = subprocess.Popen(['cat', str(fs.mnt / 'hello')], stdout=subprocess.PIPE)
        assert procs.wait_until(lambda: connection.waiting(below.number), 10)
        assert 'not finished in time' in upgrade(fs, expect=OLD_ONE_SERVES)
        assert status(fs)['server_pid'] == server and status(fs)['state'] == 'LIVE'
    finally:
        procs.send(stopped, signal.SIGCONT)
    assert asker.communicate(timeout=30)[0] == (below.mnt / 'hello').read_bytes()
    upgrade(fs)
    assert (fs.mnt / 'hello').read_bytes() == (below.mnt / 'hello').read_bytes()
    assert fs.figures()['replayed'] == 0 and fs.figures()['generation'] == 2
