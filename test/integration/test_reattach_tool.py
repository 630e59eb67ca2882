"""fuse-reattach: what it says about a mount in every state, and what its commands do."""

import fcntl
import json
import os
import signal
import subprocess

import pytest

from conftest import AS_NOBODY
from fusetest import connection, paths, procs

DONE, FAILED, USAGE, NO_MOUNT, NO_RECONNECT, NOT_ALLOWED, NO_ANSWER, IN_USE = range(8)


@pytest.fixture(autouse=True, scope='module')
def built():
    if not tool().exists():
        pytest.skip('fuse-reattach was not built: CLI11 is missing')


def tool():
    return paths.build_dir() / 'util' / 'reattach' / 'fuse-reattach'


def run(*words, prefix=(), expect=DONE, executable=None):
    """What it prints; its standard error when it is to fail."""
    done = subprocess.run([*prefix, str(executable or tool()), *(str(word) for word in words)],
                          capture_output=True, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
    return done.stdout if expect == DONE else done.stderr


def status(fs):
    return json.loads(run('status', fs.mnt, '--json'))


def broken_program(fs, work, text='#!/bin/sh\nexit 5\n'):
    """Puts something that cannot serve where the keeper looks for the server's program."""
    assert fs.exe.is_relative_to(work)
    new = work / 'broken'
    new.write_text(text)
    new.chmod(0o755)
    new.rename(fs.exe)


def own_copy(bench, work, **kwargs):
    """A mount whose program is a copy that a test may replace."""
    exe = work / 'passthrough_ll'
    exe.write_bytes(paths.example('passthrough_ll').read_bytes())
    exe.chmod(0o755)
    env = {'LD_LIBRARY_PATH': str(paths.build_dir() / 'lib')}
    return bench.add(str(exe), env={**env, **kwargs.pop('env', {})}, **kwargs)


def test_status_of_a_mount_that_serves(bench):
    fs = bench.add()
    (fs.mnt / 'file').write_text('x')
    with open(fs.mnt / 'file', 'rb'):
        fs.recover()
        os.stat(fs.mnt / 'file')
        # It has taken over before it says so.
        assert procs.wait_until(lambda: status(fs)['state'] == 'LIVE', 10)
        said = status(fs)
        figures = fs.figures()
    assert said['mountpoint'] == str(fs.mnt) and said['connection'] == fs.number
    assert said['program'] == str(fs.exe)
    assert (said['server_pid'], said['keeper_pid']) == (fs.server(), fs.keeper())
    assert said['server_start_ticks'] == procs.start_time(fs.server())
    assert (said['generation'], said['restarts']) == (2, 1)
    assert said['last_death_pid'] not in (None, said['server_pid'])
    assert said['handles'] == figures['handles'] == 1 and said['nodes'] == figures['nodes']
    assert said['poisoned'] == said['stale'] == 0 and said['last_recovery_ns'] > 0
    assert said['kernel_resent'] >= 0 and said['resend_unknown'] == said['resend_missing'] == 0
    assert said['outage_ms'] is None and said['next_start_ms'] is None
    text = run('status', fs.mnt)
    assert 'LIVE' in text and str(fs.mnt) in text and f'process {said["keeper_pid"]}' in text


def test_how_the_last_server_ended(bench):
    """The keeper knows it of the servers that it started."""
    fs = bench.add()
    fs.recover()
    second = fs.server()
    fs.recover()
    said = status(fs)
    assert (said['last_death_pid'], said['last_death_status']) == (second, signal.SIGKILL)
    assert f'process {second}, killed by signal 9' in run('status', fs.mnt)


def test_list_and_metrics_show_every_mount(bench):
    first, second, without = bench.add(), bench.add('hello_ll'), bench.add(reattach=False)
    rows = {line.split()[-1]: line.split() for line in run('list').splitlines()[1:]}
    for fs in (first, second):
        assert rows[str(fs.mnt)][:4] == [str(fs.number), 'LIVE', str(fs.server()), str(fs.keeper())]
    assert str(without.mnt) not in rows
    metrics = run('metrics').splitlines()
    for fs in (first, second):
        assert f'fuse_reattach_state{{mountpoint="{fs.mnt}",state="LIVE"}} 1' in metrics
        assert f'fuse_reattach_incarnations_total{{mountpoint="{fs.mnt}"}} 1' in metrics
        assert f'fuse_reattach_resend_missing_total{{mountpoint="{fs.mnt}"}} 0' in metrics
    for line in metrics:
        assert line.startswith('#') or len(line.rpartition('} ')[2].split()) == 1
    # Each metric is described once, before its values.
    helped = [line.split()[2] for line in metrics if line.startswith('# HELP')]
    assert len(helped) == len(set(helped)) > 8
    assert {line.partition('{')[0] for line in metrics if not line.startswith('#')} <= set(helped)


def test_inspect_shows_requests_files_and_nodes(bench):
    fs = bench.add()
    (fs.mnt / 'folder').mkdir()
    long_name = 'n' * 200
    # Not this process: each that it starts closes what it has open, which asks the server.
    asker = subprocess.Popen(['sh', '-c', 'exec 3> "$1"; echo; read -r go; exec stat -f "$2"', 'sh',
                              fs.mnt / 'folder' / long_name, fs.mnt], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
    asker.stdout.readline()
    server = fs.server()
    procs.send(server, signal.SIGSTOP)
    try:
        assert procs.wait_until(lambda: procs.state_of(server) == 'T', 10)
        asker.stdin.write(b'\n')
        asker.stdin.flush()
        assert procs.wait_until(lambda: connection.waiting(fs.number), 10)
        text = run('inspect', fs.mnt)
    finally:
        procs.send(server, signal.SIGCONT)
        asker.stdin.close()
        asker.stdout.read()
        asker.wait(20)
    assert f'/folder/{long_name}' in text
    assert 'LIVE' in text and 'layout' in text and 'requests in hand' in text
    assert len(run('inspect', fs.mnt, '--rows', '1').splitlines()) < len(text.splitlines())


def test_locks_are_counted_and_listed(bench):
    """Before and after a crash; then they are given up."""
    fs = bench.add(options=['flock', 'posix_lock'])
    (fs.src / 'file').write_text('text')
    with open(fs.mnt / 'file', 'r+', encoding='ascii') as file:
        assert status(fs)['locks'] == 0
        fcntl.flock(file, fcntl.LOCK_SH)
        fcntl.lockf(file, fcntl.LOCK_EX, 10, 5)
        fcntl.lockf(file, fcntl.LOCK_SH, 0, 100)
        for crash in (False, True):
            if crash:
                fs.recover()
            assert status(fs)['locks'] == 3
            lines = run('inspect', fs.mnt).splitlines()
            assert 'locks           3' in lines
            listed = [line.split(', ')[:2] for line in lines if 'process' in line and '/file: ' in line]
            assert sorted(listed) == [['  /file: range 100-end', 'shared'],
                                      ['  /file: range 5-14', 'exclusive'],
                                      ['  /file: whole file', 'shared']]
            assert f'(process {os.getpid()})' in next(line for line in lines if 'range 5' in line)
            assert f'fuse_reattach_locks{{mountpoint="{fs.mnt}"}} 3' in run('metrics').splitlines()
        assert 'owner' in run('inspect', fs.mnt, '--rows', '1')
        fcntl.lockf(file, fcntl.LOCK_UN)
    assert procs.wait_until(lambda: status(fs)['locks'] == 0, 10)


def test_it_looks_at_a_damaged_state_without_harm(bench):
    """The state is the owner's, who may do anything to it: the tool says that it cannot be read."""
    fs = bench.add()
    os.stat(fs.mnt)
    with open(fs.state(), 'r+b') as file:
        before = file.read(4)
        file.seek(0)
        file.write(b'oops')
    text = run('status', fs.mnt)
    assert 'LIVE' in text and 'not a reconnect state' in text
    assert 'not a reconnect state' in run('inspect', fs.mnt, expect=NO_ANSWER)
    assert str(fs.mnt) in run('list') and 'fuse_reattach_state' in run('metrics')
    with open(fs.state(), 'r+b') as file:
        file.write(before)


def test_crash_loop_is_told_while_it_lasts(bench, work):
    """Between two starts: how many have failed, when the next is, when it is given up; then the end."""
    fs = own_copy(bench, work)
    fs.dirty = True
    broken_program(fs, work)
    fs.kill_server()
    with connection.Watchdog(fs.mnt, 50) as dog:
        def waits():
            said = status(fs)
            return said if said['state'] == 'DETACHED' and said['failed_starts'] >= 3 else None

        said = procs.wait_until(waits, 20)
        assert said, status(fs)
        assert 3 <= said['failed_starts'] <= 12 == said['most_failed_starts']
        assert 0 <= said['next_start_ms'] <= 2000 and said['server_pid'] is None
        assert 0 < said['give_up_ms'] <= 60000 and said['outage_ms'] > 0
        text = run('status', fs.mnt)
        assert 'failed starts' in text and 'of 12' in text and 'not served for' in text
        # Twelve failed starts, and nobody waits any more.
        assert procs.wait_until(lambda: not fs.keepers(), 40), fs.log()
    assert not dog.fired
    assert status(fs)['state'] == 'GIVEN-UP'
    assert 'nobody serves it' in run('status', fs.mnt)
    assert ' GIVEN-UP ' in next(line for line in run('list').splitlines() if str(fs.mnt) in line)
    assert 'no state' in run('inspect', fs.mnt, expect=NO_RECONNECT)
    run('stop', fs.mnt)
    assert not fs.leftovers()


def test_nobody_waits_longer_than_the_limit(bench, work):
    """df, sync and umount of a mount that nobody serves come back when reattach_timeout is over."""
    limit = 4
    fs = own_copy(bench, work, options=[f'reattach_timeout={limit}'])
    fs.dirty = True
    broken_program(fs, work, '#!/bin/sh\nsleep 1000\n')
    fs.kill_server()
    with connection.Watchdog(fs.mnt, 50) as dog:
        asked = [subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                 for line in (['df', str(fs.mnt)], ['sync', '-f', str(fs.mnt)],
                              ['ls', str(fs.mnt)])]
        said = procs.wait_until(lambda: (status(fs)['starting_pid'] and status(fs)), 10)
        assert said and said['state'] == 'RECOVERING' and said['give_up_ms'] <= limit * 1000
        assert said['reattach_timeout_s'] == limit
        for process in asked:
            process.wait(40)
    assert not dog.fired
    assert procs.wait_until(lambda: not procs.tagged(fs.tag), 10), fs.leftovers()
    run('stop', fs.mnt)
    assert not fs.leftovers()


@pytest.mark.parametrize('served', [True, False])
def test_stop_ends_everything(bench, work, served):
    fs = own_copy(bench, work)
    os.listdir(fs.mnt)
    if not served:
        broken_program(fs, work, '#!/bin/sh\nsleep 1000\n')
        fs.kill_server()
    run('stop', fs.mnt)
    assert procs.wait_until(lambda: not fs.leftovers(), 10), fs.leftovers()


def test_stop_of_a_mount_in_use(bench):
    fs = bench.add()
    with open(fs.mnt / 'file', 'w', encoding='ascii') as file:
        assert '--lazy' in run('stop', fs.mnt, expect=IN_USE)
        file.write('x')
        file.flush()
        run('stop', '--lazy', fs.mnt)
        assert not fs.mount()
        file.write('y')
    assert procs.wait_until(lambda: not fs.leftovers(), 10), fs.leftovers()
    assert (fs.src / 'file').read_text() == 'xy'


def test_abort(bench):
    fs = bench.add()
    fs.dirty = True
    folder = os.open(fs.mnt, os.O_RDONLY | os.O_DIRECTORY)
    run('abort', fs.mnt)
    with pytest.raises(OSError):
        os.listdir(folder)
    os.close(folder)
    assert procs.wait_until(lambda: not procs.tagged(fs.tag), 10), fs.leftovers()


def test_what_is_no_such_mount(bench, work):
    (work / 'folder').mkdir()
    assert 'not a mountpoint' in run('status', work / 'folder', expect=NO_MOUNT)
    assert 'No such file' in run('status', work / 'missing', expect=NO_MOUNT)
    assert 'not FUSE' in run('status', '/proc', expect=NO_MOUNT)
    without = bench.add(reattach=False)
    said = run('status', without.mnt, expect=NO_RECONNECT)
    assert '-o reattach' in said and str(without.mnt) in said
    for words in ([], ['status'], ['dance'], ['list', 'x'], ['status', '--what', '/']):
        assert run(*words, expect=USAGE)
    assert 'cannot look into' in run('--dir', work / 'missing', 'list', expect=FAILED)


def test_a_keeper_that_does_not_answer(bench):
    fs = bench.add()
    keeper = fs.keeper()
    procs.send(keeper, signal.SIGSTOP)
    try:
        assert 'keeper' in run('status', fs.mnt, expect=NO_ANSWER)
    finally:
        procs.send(keeper, signal.SIGCONT)
    assert status(fs)['state'] == 'LIVE'


def test_a_socket_of_somebody_else_is_not_believed(bench, work):
    """Where the keeper's socket should be, another user listens: root does not talk to him."""
    fs = bench.add(reattach=False)
    folder = work / 'fake'
    folder.mkdir(0o700)
    place = folder / f'{fs.number}.sock'
    answering = ('import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); '
                 's.bind(sys.argv[1]); s.listen(); c = s.accept()[0]; c.recv(99); c.send(b"x" * 40)')
    os.chown(folder, 65534, 65534)
    work.chmod(0o711)
    fake = subprocess.Popen([*AS_NOBODY, '/usr/bin/python3', '-c', answering, str(place)])
    try:
        assert procs.wait_until(place.exists, 10)
        run('--dir', folder, 'status', fs.mnt, expect=NO_ANSWER)
    finally:
        fake.kill()
        fake.wait()


def test_users_see_their_own_and_root_sees_all(as_nobody, bench, work):
    """Root may look at a user's mount; a user at nobody else's."""
    theirs, mine = as_nobody(), bench.add('hello_ll')
    copy = work / 'fuse-reattach'
    copy.write_bytes(tool().read_bytes())
    copy.chmod(0o755)
    work.chmod(0o711)
    said = json.loads(run('status', theirs.mnt, '--json', prefix=AS_NOBODY, executable=copy))
    assert said['state'] == 'LIVE' and said['keeper_pid'] == theirs.keeper()
    assert status(theirs)['keeper_pid'] == theirs.keeper()
    listed = run('list', prefix=AS_NOBODY, executable=copy)
    assert str(theirs.mnt) in listed and str(mine.mnt) not in listed
    assert str(theirs.mnt) in run('list')
    mine.work.chmod(0o711)
    wrong = run('status', mine.mnt, prefix=AS_NOBODY, executable=copy, expect=NOT_ALLOWED)
    assert 'belongs to user 0' in wrong
    for command in ('stop', 'abort', 'inspect'):
        run(command, mine.mnt, prefix=AS_NOBODY, executable=copy, expect=NOT_ALLOWED)
    assert mine.mount() and (mine.mnt / 'hello').read_bytes()


def test_completion_offers_commands_and_mountpoints(bench):
    fs = bench.add('hello_ll')
    script = paths.ROOT / 'util' / 'reattach' / 'completion.bash'

    def complete(*words):
        asked = f'source {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); ' \
                'compopt() { :; }; _fuse_reattach; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(['bash', '-c', asked, 'bash', 'fuse-reattach', *words], text=True,
                              capture_output=True, timeout=20, check=True)
        return done.stdout.split()

    assert set(complete('')) >= {'list', 'status', 'inspect', 'stop', 'abort', 'metrics'}
    assert complete('sto') == ['stop']
    assert complete('status', str(fs.mnt)[:-1]) == [str(fs.mnt)]
    assert '--json' in complete('status', '--')
