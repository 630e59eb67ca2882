"""Mounts of an ordinary user, through fusermount3."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from conftest import AS_NOBODY, NOBODY
from fusetest import connection, killer, procs
from fusetest.filesystem import NotReady


def as_user(*line):
    return subprocess.run([*AS_NOBODY, *line], capture_output=True, text=True, timeout=20,
                          check=False)


@pytest.mark.parametrize('reattach', [False, True], ids=['off', 'on'])
def test_mount_and_unmount(as_nobody, reattach):
    fs = as_nobody('hello_ll', reattach=reattach)
    mount = fs.mount()
    assert f'user_id={NOBODY}' in mount.super_options
    assert {'nosuid', 'nodev'} <= set(mount.options)
    assert as_user('cat', str(fs.mnt / 'hello')).stdout.lower().startswith('hello')
    done = as_user('fusermount3', '-u', str(fs.mnt))
    assert done.returncode == 0, done.stderr
    assert procs.wait_until(lambda: not fs.leftovers(), 10), fs.leftovers()


def test_allow_other_needs_leave_from_the_configuration(as_nobody):
    if any(line.strip() == 'user_allow_other' for line in _configuration()):
        pytest.skip('/etc/fuse.conf lets users say allow_other')
    fs = as_nobody('hello_ll', start=False, options=['allow_other'], reattach=False)
    with pytest.raises(NotReady) as caught:
        fs.start()
    assert caught.value.code and 'allow_other' in caught.value.log
    assert connection.find(fs.mnt) is None


def _configuration():
    try:
        return Path('/etc/fuse.conf').read_text().splitlines()
    except OSError:
        return []


def test_recovers(as_nobody):
    fs = as_nobody('passthrough_ll')
    assert as_user('sh', '-c', f'echo text > {fs.mnt}/file').returncode == 0
    for _ in range(5):
        fs.kill_server()
        done = as_user('cat', str(fs.mnt / 'file'))
        assert (done.returncode, done.stdout) == (0, 'text\n'), done.stderr + fs.log()
    server = fs.server()
    assert os.stat(f'/proc/{server}').st_uid == NOBODY


# Makes files that nobody may write to, and writes to them, until its input ends; says how many.
AUTHOR = r"""
import os, select, sys
folder, count = sys.argv[1], 0
while not select.select([sys.stdin], [], [], 0)[0]:
    count += 1
    name = f'{folder}/{count}'
    fd = os.open(name + '.new', os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o444)
    for part in range(4):
        assert os.write(fd, b'%d-%d ' % (count, part)) > 0
    os.fsync(fd)
    os.close(fd)
    os.rename(name + '.new', name)
print(count)
"""


def test_files_that_may_only_be_read(as_nobody, seed):
    """Whom permissions bind can write on to what was opened before they said no."""
    fs = as_nobody('passthrough_ll')
    author = subprocess.Popen([*AS_NOBODY, '/usr/bin/python3', '-c', AUTHOR, str(fs.mnt)], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with killer.Killer(fs, 6, seed) as kills:
        enough = kills.wait_for(20)
    output, errors = author.communicate(timeout=20)
    assert author.returncode == 0, errors + fs.log()
    assert enough, f'missed {kills.missed}, kills {kills.kills}'
    count = int(output)
    assert count > 5 and sorted(map(int, os.listdir(fs.src))) == list(range(1, count + 1))
    for number in range(1, count + 1):
        file = fs.src / str(number)
        assert file.read_text() == ''.join(f'{number}-{part} ' for part in range(4))
        assert stat.S_IMODE(file.stat().st_mode) == 0o444


def test_state_is_private(as_nobody):
    fs = as_nobody('hello_ll')
    # To us the mount answers without its server.
    assert procs.wait_until(fs.state().exists, 10), fs.log()
    state = fs.state().stat()
    assert (state.st_uid, state.st_mode & 0o777) == (NOBODY, 0o600)


def test_another_user_cannot_take_over(bench, work):
    """A server of somebody else, started by hand on the same mountpoint, is turned away."""
    fs = bench.add('hello_ll', options=['allow_other'])
    for folder in (fs.work, fs.runtime):
        folder.chmod(0o711 if folder == fs.work else 0o700)
    done = subprocess.run([*AS_NOBODY, str(fs.exe), '-f', '-o', f'reattach,reattach_dir={fs.runtime}',
                           str(fs.mnt)], capture_output=True, text=True, timeout=30, cwd='/',
                          check=False)
    assert done.returncode != 0 and done.stderr.strip()
    assert (fs.mnt / 'hello').read_bytes()
    fs.recover()
    assert (fs.mnt / 'hello').read_bytes()
