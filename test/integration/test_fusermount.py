"""Our fusermount3, installed set-user-id, as an ordinary user meets it.

Most tests are in a mount namespace of their own, in which everybody may open the device and
/etc/fuse.conf says what the test wants; nothing of it is seen outside, and its mounts end with it."""

import array
import contextlib
import errno
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
from pathlib import Path

import pytest

from conftest import AS_NOBODY, NOBODY
from fusetest import connection, paths, procs
from fusetest.filesystem import tmpfs_folder

OTHER_USER = NOBODY - 1
FUSE_INIT = 26


@pytest.fixture(scope='module')
def fusermount():
    """Where it is installed for these tests, set-user-id root."""
    built = paths.build_dir() / 'util' / 'fusermount' / 'fusermount3'
    assert built.exists(), f'{built} was not built'
    folder = tmpfs_folder('fusetest.fusermount.')
    folder.chmod(0o755)
    shutil.copy(built, folder / 'fusermount3')
    (folder / 'fusermount3').chmod(0o4755)
    yield folder / 'fusermount3'
    shutil.rmtree(folder)


class Room:
    """A mount namespace with a device for everybody, kept by a process that waits for its input."""

    def __init__(self, folder, fusermount, configuration=''):
        self.folder, self.fusermount = folder, fusermount
        (folder / 'fuse.conf').write_text(configuration)
        folder.chmod(0o755)
        script = ('set -e; mount -t tmpfs none "$1/dev"; mknod -m 666 "$1/dev/fuse" c 10 229; '
                  'chmod 666 "$1/dev/fuse"; mount --bind "$1/dev/fuse" /dev/fuse; '
                  'mount --bind "$1/fuse.conf" /etc/fuse.conf; echo ready; exec cat')
        (folder / 'dev').mkdir()
        if not os.path.exists('/etc/fuse.conf'):
            pytest.skip('there is no /etc/fuse.conf to be replaced')
        self.keeper = subprocess.Popen(
            ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'room', str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.keeper.stdout.readline() == 'ready\n'
        self.sockets, self.processes = [], []

    def leave(self):
        for mount in self.mounts():
            connection.abort(mount.number)
        for end in self.sockets:
            end.close()
        for process in self.processes:
            if process.poll() is None:
                procs.send(process.pid, signal.SIGKILL)
            process.wait()
        self.keeper.stdin.close()
        self.keeper.stdout.close()
        self.keeper.wait(20)

    def line(self, *command, user=NOBODY):
        return ['nsenter', f'--mount=/proc/{self.keeper.pid}/ns/mnt', 'setpriv', f'--reuid={user}',
                f'--regid={user}', '--clear-groups', '--', *map(str, command)]

    def run(self, *command, user=NOBODY, **more):
        return subprocess.run(self.line(*command, user=user), capture_output=True, text=True,
                              timeout=60, check=False, **more)

    def mounts(self):
        """What FUSE filesystems are mounted in here."""
        return [m for m in connection.mounts(self.keeper.pid)
                if m.fstype.split('.')[0] in ('fuse', 'fuseblk') and
                m.point.startswith(str(self.folder))]

    def place(self, name='mnt', user=NOBODY, mode=0o755):
        path = self.folder / name
        path.mkdir()
        os.chown(path, user, user)
        path.chmod(mode)
        return path

    def mount(self, point, *options, user=NOBODY, arguments=(), program=None, by_option=False,
              **more):
        """Runs the program as a library does; a Mounting."""
        ours, theirs = socket.socketpair()
        ours.settimeout(30)
        self.sockets.append(ours)
        line = [program or self.fusermount, *arguments]
        if by_option:
            line.append(f'--comm-fd={theirs.fileno()}')
        if options:
            line += ['-o', ','.join(options)]
        env = dict(os.environ)
        if not by_option:
            env['_FUSE_COMMFD'] = str(theirs.fileno())
        with theirs:
            process = subprocess.Popen(self.line(*line, '--', point, user=user), env=env,
                                       pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       **more)
        self.processes.append(process)
        return Mounting(process, ours)


class Mounting:
    """A run of fusermount3 and what came of it: .device is -1 when none came."""

    def __init__(self, process, ours):
        self.process, self.socket, self.device = process, ours, -1
        self.data, control, _, _ = ours.recvmsg(10, 100)
        for _, _, content in control:
            self.device = array.array('i', content)[0]

    def result(self):
        out, err = self.process.communicate(timeout=60)
        assert out == ''
        return self.process.returncode, err

    def close_device(self):
        os.close(self.device)
        self.device = -1


@pytest.fixture
def make_room(work, fusermount):
    rooms = []

    def make(configuration=''):
        folder = work / f'room.{len(rooms)}'
        folder.mkdir()
        work.chmod(0o755)
        rooms.append(Room(folder, fusermount, configuration))
        return rooms[-1]

    yield make
    for room in rooms:
        room.leave()


@pytest.fixture
def room(make_room):
    return make_room()


def test_hands_the_device_over(room):
    point = room.place()
    done = room.mount(point, 'fsname=a\\,b c', 'subtype=test', 'ro', 'max_read=8192')
    assert done.result() == (0, '')
    assert done.data == b'\0' and os.readlink(f'/proc/self/fd/{done.device}') == '/dev/fuse'
    mount, = room.mounts()
    assert (mount.point, mount.fstype, mount.source) == (str(point), 'fuse.test', 'a,b c')
    assert {'ro', 'nosuid', 'nodev'} <= set(mount.options)
    assert {f'user_id={NOBODY}', f'group_id={NOBODY}'} <= set(mount.super_options)
    unmounted = room.run(room.fusermount, '-u', point)
    assert (unmounted.returncode, unmounted.stderr) == (0, '')
    assert not room.mounts()
    done.close_device()


def test_socket_by_option_and_file_as_mountpoint(room):
    point = room.folder / 'file'
    point.write_text('')
    os.chown(point, NOBODY, NOBODY)
    done = room.mount(point, by_option=True)
    assert done.result() == (0, '')
    assert [m.point for m in room.mounts()] == [str(point)]
    done.close_device()
    assert room.run(room.fusermount, '-uz', point).returncode == 0
    assert not room.mounts()


@pytest.mark.parametrize('option, message', [
    ('allow_other', 'user_allow_other'), ('allow_root', 'user_allow_other'),
    ('blkdev', 'root alone'), ('context=x', 'root alone'), ('nonsense', '"nonsense" is unknown'),
    ('max_read=x', 'needs a number'), ('fsname=', 'needs a name'), ('blksize=1', 'blkdev')])
def test_refused_options(room, option, message):
    done = room.mount(room.place(), option)
    code, err = done.result()
    assert code == 1 and message in err and done.device == -1
    assert not room.mounts()


def test_devices_and_setuid_stay_off(room):
    done = room.mount(room.place(), 'dev,suid')
    code, err = done.result()
    assert code == 0 and '"dev" is for root alone' in err and '"suid" is for root alone' in err
    mount, = room.mounts()
    assert {'nosuid', 'nodev'} <= set(mount.options)
    done.close_device()


def test_refused_mountpoints(room):
    forbidden = room.folder / 'forbidden'
    forbidden.mkdir()
    mounted = room.run('sh', '-c', 'mount -t bpf none "$1" && chmod 0777 "$1"', 'sh', forbidden,
                       user=0)
    assert mounted.returncode == 0, mounted.stderr
    link = room.folder / 'link'
    link.symlink_to('/etc')
    for point, message in ((room.place('sticky', 0, 0o1777), 'sticky'),
                           (room.place('closed', 0, 0o755), 'not writable'),
                           (room.place('private', 0, 0o700) / 'in', 'Permission denied'),
                           (forbidden, 'type 0xcafe4a11'), (link, 'not writable'),
                           ('/dev/null', 'neither a directory nor'), ('/none', 'No such file')):
        done = room.mount(point)
        code, err = done.result()
        assert code == 1 and message in err and str(point) in err, err
        assert done.device == -1 and not room.mounts()
    room.run('umount', forbidden, user=0)


def test_configuration(make_room):
    room = make_room('# text\nuser_allow_other\nwrong line\nmount_max = 2\n')
    first = room.mount(room.place('a'), 'allow_other')
    code, err = first.result()
    assert code == 0 and 'line 3' in err and 'wrong line' in err
    assert 'allow_other' in room.mounts()[0].super_options
    second = room.mount(room.place('b'))
    assert second.result()[0] == 0
    third = room.mount(room.place('c'))
    code, err = third.result()
    assert code == 1 and 'mount_max = 2' in err and len(room.mounts()) == 2
    # The limit is for users, and root's mounts do not count.
    as_root = room.mount(room.place('d'), user=0)
    assert as_root.result()[0] == 0
    first.close_device()
    assert room.run(room.fusermount, '-uz', room.folder / 'a').returncode == 0
    again = room.mount(room.folder / 'c')
    assert again.result()[0] == 0
    for done in (second, as_root, again):
        done.close_device()


def test_unmounting_refused(room):
    point = room.place()
    done = room.mount(point)
    assert done.result()[0] == 0
    for target, user, message in ((point, OTHER_USER, f'mounted by user {NOBODY}'),
                                  ('/proc/sys', NOBODY, 'no FUSE filesystem'),
                                  (room.folder, NOBODY, 'no FUSE filesystem'),
                                  (room.folder / 'none', NOBODY, 'No such file')):
        for lazy in ('-u', '-uz'):
            refused = room.run(room.fusermount, lazy, target, user=user)
            assert refused.returncode == 1 and message in refused.stderr, refused.stderr
            quiet = room.run(room.fusermount, lazy, '-q', target, user=user)
            assert (quiet.returncode, quiet.stderr) == (1, '')
    room.run('mount', '-t', 'tmpfs', 'above', point, user=0)
    refused = room.run(room.fusermount, '-u', point)
    assert refused.returncode == 1 and 'tmpfs' in refused.stderr
    room.run('umount', point, user=0)
    assert len(room.mounts()) == 1
    assert room.run(room.fusermount, '-u', point, user=0).returncode == 0
    assert not room.mounts()
    done.close_device()


def test_a_busy_mount_goes_lazily(room):
    point = room.place()
    done = room.mount(point)
    assert done.result()[0] == 0
    user = subprocess.Popen(room.line('sh', '-c', 'exec 3< /dev/null; cd "$1" && echo in && exec cat',
                                      'user', point), stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    # Nobody serves it, so that entering has to wait for an answer: give one by ending it.
    done.close_device()
    user.communicate(timeout=30)
    below = subprocess.run(['nsenter', f'--mount=/proc/{room.keeper.pid}/ns/mnt', 'mount', '-t',
                            'tmpfs', 'none', str(point)], check=False, timeout=30)
    assert below.returncode != 0 or room.run('umount', point, user=0).returncode == 0
    assert room.run(room.fusermount, '-u', '-z', f'{point}/').returncode == 0
    assert not room.mounts()


def test_a_path_that_changes_meanwhile(room):
    """The mountpoint's name leads, in turn, to a folder of the user's and to one of root's."""
    own, foreign = room.place('own'), room.place('foreign', 0)
    name, spare = room.folder / 'name', room.folder / 'spare'
    name.symlink_to(own)
    over = threading.Event()

    def change():
        target = [foreign, own]
        while not over.is_set():
            spare.symlink_to(target[0])
            os.rename(spare, name)
            target.reverse()

    thread = threading.Thread(target=change)
    thread.start()
    mounted = 0
    try:
        for _ in range(60):
            done = room.mount(name)
            code, err = done.result()
            points = [m.point for m in room.mounts()]
            assert points == ([str(own)] if code == 0 else []), err
            if code == 0:
                mounted += 1
                done.close_device()
                assert room.run(room.fusermount, '-uz', own).returncode == 0
    finally:
        over.set()
        thread.join()
    assert 0 < mounted < 60


def test_nobody_takes_the_device(room):
    """The program that asked has ended before it is answered: nothing stays mounted."""
    point = room.place()
    ours, theirs = socket.socketpair()
    with theirs:
        ours.close()
        done = room.run('env', f'_FUSE_COMMFD={theirs.fileno()}', room.fusermount, point,
                        pass_fds=[theirs.fileno()])
    assert done.returncode == 1 and 'cannot send the device' in done.stderr
    assert not room.mounts()


def test_without_a_socket(room):
    done = room.run(room.fusermount, room.place())
    assert done.returncode == 1 and '-u' in done.stderr
    assert not room.mounts()


def test_not_installed_set_user_id(room):
    plain = room.folder / 'fusermount3'
    shutil.copy(room.fusermount, plain)
    plain.chmod(0o755)
    done = room.mount(room.place(), program=plain)
    code, err = done.result()
    assert code == 1 and 'set-user-id' in err and not room.mounts()


def test_standard_streams_that_are_closed(room):
    point = room.place()
    done = room.mount(point, program='sh', arguments=[
        '-c', 'exec "$0" "$@" <&- >&- 2>&-', room.fusermount])
    assert done.result() == (0, '') and done.device >= 0
    assert len(room.mounts()) == 1
    done.close_device()


def _status(pid):
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    return {name: value.split() for name, _, value in (line.partition(':') for line in lines)}


def test_auto_unmount_and_its_privileges(room):
    point = room.place()
    done = room.mount(point, 'auto_unmount')
    assert done.device >= 0 and done.process.poll() is None
    # It keeps no pipe of whoever started it.
    assert done.process.stderr.read() == '' and done.process.stdout.read() == ''
    status = _status(done.process.pid)
    assert status['Uid'] == status['Gid'] == [str(NOBODY)] * 4
    assert int(status['CapEff'][0], 16) == 0 and status['NoNewPrivs'] == ['1']
    assert int(status['CapPrm'][0], 16) == 1 << 21
    assert status['TracerPid'] == ['0']

    # A duplicate of the socket keeps the mount, as the keeper's does.
    kept = done.socket.dup()
    done.socket.close()
    done.close_device()
    assert not procs.wait_until(lambda: done.process.poll() is not None, 0.5)
    assert len(room.mounts()) == 1
    kept.close()
    assert done.process.wait(60) == 0
    assert not room.mounts()


def _system_calls(path):
    """[(name, line)] of a run under strace, from the program's own start."""
    lines = [line for line in path.read_text().splitlines() if '(' in line]
    start = max(i for i, line in enumerate(lines) if 'execve(' in line)
    return [(line.partition('(')[0].split()[-1], line) for line in lines[start + 1:]]


def _effective(line):
    return 'effective=1<<CAP_SYS_ADMIN' in line


def test_the_privilege_is_in_effect_for_one_call(room):
    """What the manual page says of it, seen from outside."""
    point, trace = room.place(), room.folder / 'trace'
    strace = ['-u', 'nobody', '-o', trace, room.fusermount]
    done = room.mount(point, user=0, program='strace', arguments=strace)
    assert done.result()[0] == 0
    assert f'user_id={NOBODY}' in room.mounts()[0].super_options
    runs = {'mount': _system_calls(trace)}
    done.close_device()
    for option, name in (('-u', 'umount2'), ('-uz', 'umount2')):
        if option == '-uz':
            done = room.mount(point)
            assert done.result()[0] == 0
            done.close_device()
        assert room.run('strace', *strace, option, point, user=0).returncode == 0
        runs[f'{name} {option}'] = _system_calls(trace)
    assert not room.mounts()

    for what, calls in runs.items():
        names = [name for name, _ in calls]
        sets = [i for i, name in enumerate(names) if name == 'capset']
        assert [_effective(calls[i][1]) for i in sets] == [False, True, False]
        first, raised, lowered = sets
        # Root's ids go first, and nothing but the loader's files is opened before.
        assert {'setresgid', 'setresuid'} <= set(names[:first])
        for name, line in calls[:first]:
            assert name != 'openat' or '/etc/ld.so' in line or '/lib' in line, line
        looks = ('capget', 'getuid', 'getgid')
        within = [name for name in names[raised + 1:lowered] if name not in looks]
        assert within == [what.split()[0]]


def _answer_all(device):
    """Serves a filesystem whose only word after INIT is ENOSYS, until its connection ends."""
    while True:
        try:
            request = os.read(device, 1 << 20)
        except OSError:
            return
        opcode, unique = struct.unpack_from('=IQ', request, 4)
        body = struct.pack('=IIII48x', 7, 31, 0, 0) if opcode == FUSE_INIT else b''
        error = 0 if body else -errno.ENOSYS
        try:
            os.write(device, struct.pack('=IiQ', 16 + len(body), error, unique) + body)
        except OSError:
            pass  # whoever asked has gone


@contextlib.contextmanager
def _served(room, mounting):
    """A mount that answers meanwhile, the only one of the room at first."""
    number = room.mounts()[0].number
    server = threading.Thread(target=_answer_all, args=(mounting.device,))
    server.start()
    try:
        yield
    finally:
        connection.abort(number)
        server.join(30)
        mounting.close_device()


def test_auto_unmount_and_who_else_has_the_device(room):
    """Programs that close the socket and go on serving keep their mount. One that is silent may be about
    to end: its mount is not forgotten."""
    served = room.mount(room.place('served'), 'auto_unmount')
    with _served(room, served):
        silent = room.mount(room.place('silent'), 'auto_unmount')
        for done in (served, silent):
            done.socket.close()
        assert served.process.wait(60) == 0
        assert len(room.mounts()) == 2
    silent.close_device()
    assert silent.process.wait(60) == 0
    assert [mount.point for mount in room.mounts()] == [str(room.folder / 'served')]


def test_auto_unmount_of_what_moved(room):
    """What was unmounted meanwhile is not looked for, and what is mounted there now is left alone."""
    point = room.place()
    done = room.mount(point, 'auto_unmount')
    assert room.run(room.fusermount, '-uz', point).returncode == 0
    other = room.mount(point)
    assert other.result()[0] == 0
    with _served(room, other):
        done.close_device()
        done.socket.close()
        assert done.process.wait(60) == 0
        assert len(room.mounts()) == 1


def test_watching_a_mount_made_elsewhere(room):
    point = room.place()
    made = room.mount(point)
    assert made.result()[0] == 0
    ours, theirs = socket.socketpair()
    with theirs:
        watcher = subprocess.Popen(
            room.line(room.fusermount, '--auto-unmount', f'--comm-fd={theirs.fileno()}', point),
            pass_fds=[theirs.fileno()])
    room.processes.append(watcher)
    made.close_device()
    ours.close()
    assert watcher.wait(60) == 0
    assert not room.mounts()


# -- with the library -------------------------------------------------------------------------------

def read_as_user(fs):
    """Only the owner may; and once it is answered, all that is started at a mount is there."""
    done = subprocess.run([*AS_NOBODY, 'cat', str(fs.mnt / 'hello')], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0 and 'hello' in done.stdout.lower(), done.stderr + fs.log()


@pytest.mark.parametrize('reattach', [False, True], ids=['off', 'on'])
def test_library_mounts_through_it(as_nobody, fusermount, reattach):
    fs = as_nobody('hello_ll', reattach=reattach, env={'FUSERMOUNT_PROG': str(fusermount)})
    assert f'user_id={NOBODY}' in fs.mount().super_options
    read_as_user(fs)
    if reattach:
        fs.kill_server()
        read_as_user(fs)
    procs.send(fs.server(), signal.SIGTERM, fs.exe)
    assert procs.wait_until(lambda: not fs.leftovers(), 20), fs.leftovers()


def test_auto_unmount_with_a_keeper(as_nobody, fusermount):
    """The mount survives its server, and goes with the last of server and keeper."""
    fs = as_nobody('hello_ll', options=['auto_unmount'], env={'FUSERMOUNT_PROG': str(fusermount)})
    read_as_user(fs)
    fs.kill_server()
    read_as_user(fs)
    fs.dirty = True
    keeper, server = fs.keeper(), fs.server()
    # Neither can start the other again.
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in (keeper, server):
            assert procs.send(pid, number)
            assert number == signal.SIGKILL or fs.mount()
    assert procs.wait_until(lambda: fs.mount() is None, 60)
