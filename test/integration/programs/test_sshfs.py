"""sshfs, to an sshd of our own that belongs to no system service: an unprivileged process, a port and
keys made for the test."""

import errno
import os
import shutil
import socket
import stat
import subprocess

import pytest

from fusetest import connection, load, oracle, procs
from fusetest.program import NOBODY

pytestmark = pytest.mark.usefixtures('high_level')

USER = 'fusetest'
# What SFTP has not.
WITHOUT = ['mknod']


class Sshd:
    """Lets one user, who exists for this process alone, in by key to a folder of his."""

    def __init__(self, work, program):
        self.work, self.home, self.log_path = work, work / 'home', work / 'sshd.log'
        self.key, self.known = work / 'user', work / 'known_hosts'
        self.home.mkdir()
        work.chmod(0o711)
        own = work / 'sshd'
        own.mkdir()
        # The build folder may lie where this user may not go.
        shutil.copy(program, own / 'sshd')
        for path in (self.key, own / 'host'):
            subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path], check=True,
                           timeout=20)
        shutil.copy(f'{self.key}.pub', own / 'authorized_keys')
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.port = probe.getsockname()[1]
        (own / 'config').write_text(
            f'ListenAddress 127.0.0.1:{self.port}\nHostKey {own}/host\nPidFile none\nUsePAM no\n'
            f'AuthorizedKeysFile {own}/authorized_keys\nStrictModes no\nMaxStartups 100\n'
            'PasswordAuthentication no\nKbdInteractiveAuthentication no\n'
            'Subsystem sftp internal-sftp\n')
        with open('/etc/passwd', encoding='utf-8', errors='surrogateescape') as file:
            others = file.read()
        (own / 'passwd').write_text(f'{USER}:*:{NOBODY}:{NOBODY}::{self.home}:/bin/sh\n{others}')
        for path in (self.home, own, *own.iterdir()):
            os.chown(path, NOBODY, NOBODY)
        script = (f'mount --bind {own}/passwd /etc/passwd && exec setpriv --reuid={NOBODY} '
                  f'--regid={NOBODY} --clear-groups {own}/sshd -D -e -f {own}/config')
        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen(['unshare', '-m', 'bash', '-c', script], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL)

    def log(self):
        return self.log_path.read_text(errors='replace')

    def wait_ready(self):
        ready = procs.wait_until(lambda: 'listening' in self.log() or self.process.poll(), 20)
        assert ready and self.process.poll() is None, self.log()

    def stop(self):
        self.process.kill()
        self.process.wait()

    def line(self, *options):
        """How to mount it; sshfs waits for every write to have arrived, since what it would only have
        promised is gone with it."""
        def make(fs):
            given = [f'port={self.port}', f'IdentityFile={self.key}', 'IdentitiesOnly=yes',
                     f'UserKnownHostsFile={self.known}', 'StrictHostKeyChecking=accept-new',
                     'sshfs_sync', *options]
            return ['sshfs', '-F', '/dev/null', '-o', ','.join(given),
                    f'{USER}@127.0.0.1:{self.home}', fs.mnt]
        return make


@pytest.fixture
def sshd(work, unpacked):
    # Installing the package would start a server for everybody.
    server = Sshd(work, unpacked('openssh-server') / 'usr/sbin/sshd')
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()


@pytest.fixture
def sshfs(mount, installed, sshd):
    return mount(installed('sshfs', 'sshfs'), sshd.line())


@pytest.mark.limit(150)
def test_applications(sshfs, sshd, work, seed, killed):
    load.run(sshfs, work, ['probe', 'effects', 'fio', 'git'], 8, seed, 1 if killed else 0, WITHOUT)
    assert not oracle.differences(sshd.home, sshfs.mnt)


@pytest.mark.limit(60)
def test_open_files(sshfs, sshd, killed):
    """What is open stays open: a file, a removed file, a folder, a working directory."""
    (sshfs.mnt / 'dir').mkdir()
    here = os.open(sshfs.mnt / 'dir', os.O_RDONLY)
    with open(sshfs.mnt / 'dir/file', 'w+b', buffering=0) as file, \
            open(sshfs.mnt / 'dir/removed', 'w+b', buffering=0) as removed:
        file.write(b'first ')
        removed.write(b'kept')
        os.unlink(sshfs.mnt / 'dir/removed')
        if killed:
            sshfs.recover()
        file.write(b'second')
        assert os.pread(file.fileno(), 20, 0) == b'first second'
        assert os.pread(removed.fileno(), 20, 0) == b'kept'
        assert os.stat('file', dir_fd=here).st_size == 12
    os.close(here)
    assert (sshd.home / 'dir/file').read_bytes() == b'first second'
    # The kernel does not wait for a RELEASE, at which the hidden file goes.
    assert procs.wait_until(lambda: os.listdir(sshd.home / 'dir') == ['file'], 10)


@pytest.mark.limit(60)
def test_file_that_may_only_be_read(sshfs, sshd, killed):
    """Who makes a file of mode 0444 may write to it, though nobody may open it for that."""
    fd = os.open(sshfs.mnt / 'file', os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o444)
    os.write(fd, b'first ')
    if killed:
        sshfs.recover()
    os.write(fd, b'second')
    os.close(fd)
    there = sshd.home / 'file'
    assert (sshfs.mnt / 'file').read_bytes() == there.read_bytes() == b'first second'
    assert stat.S_IMODE(there.stat().st_mode) == 0o444


@pytest.fixture
def asked(sshd, work):
    """Locks the key with a passphrase, which somebody types as long as he sits there."""
    subprocess.run(['ssh-keygen', '-q', '-p', '-P', '', '-N', 'secret', '-f', sshd.key], check=True,
                   timeout=20)
    somebody, script = work / 'somebody', work / 'askpass'
    somebody.touch()
    script.write_text(f'#!/bin/sh\ntest -e {somebody} && echo secret\n')
    script.chmod(0o755)
    return somebody, {'SSH_ASKPASS': str(script), 'SSH_ASKPASS_REQUIRE': 'force', 'SSH_AUTH_SOCK': None}


@pytest.mark.limit(120)
@pytest.mark.parametrize('killed', ['killed'], indirect=True)
def test_typed_passphrase_cannot_come_back(mount, installed, sshd, asked, killed):
    """Nobody is there to type it again: the mount is given up, and it is said why."""
    somebody, env = asked
    # In the foreground: in the background what is said goes to the system's log.
    line = sshd.line('reattach_timeout=15')
    fs = mount(installed('sshfs', 'sshfs'), lambda fs: [*line(fs), '-f'], args=['-f'], env=env)
    (fs.mnt / 'file').write_text('text')
    fs.recover()
    assert (fs.mnt / 'file').read_text() == 'text'
    somebody.unlink()
    fs.kill_server()
    with connection.Watchdog(fs.mnt, 60) as dog, pytest.raises(OSError) as caught:
        os.statvfs(fs.mnt)
    assert not dog.fired and caught.value.errno in (errno.ECONNABORTED, errno.ENOTCONN)
    assert procs.wait_until(lambda: not procs.tagged(fs.tag), 20), fs.leftovers()
    print(fs.log())
    assert 'Permission denied' in fs.log() and 'giving up' in fs.log()
    fs.dirty = True
