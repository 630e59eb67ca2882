"""The Debian packages: built from a copy of the source, installed over Debian's own in a root that
exists for this alone, and used there."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = ('libfuse3-4', 'libfuse3-3', 'fuse3', 'libfuse3-dev')
# What Debian has: 12, 13, and what may come.
DEBIANS = ('3.14.0-4', '3.17.2-3', '3.18.2-1~')
NOT_SOURCE = shutil.ignore_patterns('build', 'obj-*', '.git', '__pycache__')
NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--']


def run(*line, **more):
    done = subprocess.run([str(word) for word in line], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, stdin=subprocess.DEVNULL,
                          **{'timeout': 120, **more})
    assert done.returncode == 0, f'{line}\n{done.stdout[-6000:]}'
    return done.stdout


@pytest.fixture(scope='module')
def folder():
    made = Path(tempfile.mkdtemp(prefix='fusetest.packages.'))
    yield made
    run('rm', '-rf', '--one-file-system', made)


@pytest.fixture(scope='module')
def packages(folder):
    """{name: path} of what dpkg-buildpackage makes."""
    shutil.copytree(ROOT, folder / 'source', ignore=NOT_SOURCE, symlinks=True)
    # What is in the packages is tested, and not how fast it is.
    env = dict(os.environ, DEB_BUILD_PROFILES='', DEB_CFLAGS_APPEND='-O1 -g0',
               DEB_CXXFLAGS_APPEND='-O1 -g0', DEB_BUILD_OPTIONS='noautodbgsym '
               f'parallel={len(os.sched_getaffinity(0))}')
    for variable in ('CC', 'CXX', 'CFLAGS', 'CXXFLAGS', 'LDFLAGS', 'DESTDIR'):
        env.pop(variable, None)
    run('dpkg-buildpackage', '-b', '-us', '-uc', cwd=folder / 'source', env=env, timeout=1500)
    found = {path.name.partition('_')[0]: path for path in folder.glob('*.deb')}
    return {name: path for name, path in found.items() if not name.endswith('-dbgsym')}


def contents(package):
    """{path: (mode, owner)}"""
    files = {}
    for line in run('dpkg-deb', '--contents', package).splitlines():
        mode, owner, _, _, _, name = line.split(None, 5)
        files[name.partition(' -> ')[0].removeprefix('.').rstrip('/')] = (mode, owner)
    return files


def test_manual_pages():
    pages = sorted((ROOT / 'doc').glob('*.[1-8]'))
    assert len(pages) == 5
    for page in pages:
        assert run('groff', '-man', '-ww', '-Tutf8', '-z', page) == ''


def test_their_names_and_versions(packages):
    assert set(packages) == set(NAMES)
    for path in packages.values():
        version = run('dpkg-deb', '--field', path, 'Version').strip()
        for debian in DEBIANS:
            run('dpkg', '--compare-versions', version, 'gt', debian)
        assert run('dpkg-deb', '--field', path, 'Source').strip() == 'fuse3' or path == packages['fuse3']


def test_what_is_in_them(packages):
    tools = contents(packages['fuse3'])
    assert tools['/usr/bin/fusermount3'] == ('-rwsr-xr-x', 'root/root')
    assert tools['/usr/sbin/mount.fuse3'] == ('-rwxr-xr-x', 'root/root')
    for path in ('/etc/fuse.conf', '/usr/libexec/fuse3/fuse-keeper', '/usr/bin/fusermount',
                 '/usr/lib/udev/rules.d/99-fuse3.rules', '/usr/share/man/man1/fusermount3.1.gz',
                 '/usr/share/man/man8/mount.fuse3.8.gz', '/usr/share/man/man8/fuse.8.gz',
                 '/usr/share/man/man8/fuse-keeper.8.gz', '/usr/sbin/mount.fuse',
                 '/usr/bin/fuse-reattach', '/usr/share/man/man1/fuse-reattach.1.gz',
                 '/usr/share/bash-completion/completions/fuse-reattach'):
        assert path in tools, path
    for name in NAMES:
        setuid = [path for path, (mode, _) in contents(packages[name]).items() if 's' in mode]
        assert setuid == (['/usr/bin/fusermount3'] if name == 'fuse3' else [])
    assert any(path.endswith('/libfuse3.so.4') for path in contents(packages['libfuse3-4']))
    assert any(path.endswith('/libfuse3.so.3') for path in contents(packages['libfuse3-3']))
    for_compiling = contents(packages['libfuse3-dev'])
    for end in ('/libfuse3.so', '/libfuse3.a', '/pkgconfig/fuse3.pc', '/fuse3/fuse_lowlevel.h'):
        assert any(path.endswith(end) for path in for_compiling), end


class OtherRoot:
    """This machine's root with a layer above it that takes all changes, in a mount and a process
    namespace that end with the test."""

    def __init__(self, folder):
        self.root = folder / 'root'
        layers = folder / 'layers'
        for path in (self.root, layers):
            path.mkdir()
        script = ('set -e; mount -t tmpfs none "$2"; mkdir "$2/upper" "$2/work"; '
                  'mount -t overlay -o "lowerdir=/,upperdir=$2/upper,workdir=$2/work" none "$1"; '
                  'mount -t proc none "$1/proc"; mount -t sysfs none "$1/sys"; '
                  'mount -t tmpfs -o mode=755 none "$1/dev"; cd "$1/dev"; umask 0; '
                  'mknod -m 666 fuse c 10 229; mknod -m 666 null c 1 3; mknod -m 666 zero c 1 5; '
                  'mknod -m 666 urandom c 1 9; ln -s /proc/self/fd fd; mkdir -m 1777 shm; '
                  'mount -t tmpfs -o mode=1777 none "$1/tmp"; mount -t tmpfs none "$1/run"; '
                  'echo ready; exec cat')
        self.init = subprocess.Popen(
            ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private',
             'sh', '-c', script, 'root', str(self.root), str(layers)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.init.stdout.readline() == 'ready\n'
        children = Path(f'/proc/{self.init.pid}/task/{self.init.pid}/children').read_text().split()
        self.pid = children[0]

    def leave(self):
        self.init.stdin.close()
        self.init.stdout.close()
        self.init.wait(30)

    def line(self, *command):
        return ['nsenter', '-t', self.pid, '--mount', '--pid', 'chroot', str(self.root),
                *map(str, command)]

    def run(self, *command, **more):
        env = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL': 'C',
               'HOME': '/root', 'DEBIAN_FRONTEND': 'noninteractive', **more.pop('env', {})}
        return run(*self.line(*command), env=env, **more)

    def copy_in(self, path, name):
        """Into /tmp, which is new there."""
        with open(path, 'rb') as content:
            subprocess.run(self.line('dd', 'status=none', f'of=/tmp/{name}'), stdin=content,
                           check=True, timeout=60)


@pytest.fixture(scope='module')
def installed(packages, folder):
    other = OtherRoot(folder)
    try:
        for name, path in packages.items():
            other.copy_in(path, f'{name}.deb')
        # Over Debian's own, where these are installed.
        other.run('dpkg', '--install', '--force-confnew', *(f'/tmp/{name}.deb' for name in packages),
                  timeout=300)
        yield other
    finally:
        other.leave()


def test_installed_over_debians(installed):
    assert installed.run('dpkg', '--audit').strip() == ''
    installed.run('apt-get', 'check')
    for name in NAMES:
        assert installed.run('dpkg-query', '-W', '-f', '${Status}', name) == 'install ok installed'
        assert installed.run('dpkg', '--verify', name) == ''
    assert installed.run('stat', '-c', '%a %U', '/bin/fusermount3').split() == ['4755', 'root']
    assert '3.18' in installed.run('fusermount3', '--version')
    assert '3.18' in installed.run('pkg-config', '--modversion', 'fuse3')
    # Nothing of Debian's library is left, and this machine has it still.
    listed = installed.run('ldconfig', '-p')
    for library in ('libfuse3.so.3', 'libfuse3.so.4'):
        path = next(line.split(' => ')[1] for line in listed.splitlines()
                    if line.split()[:1] == [library])
        assert b'FUSE_REATTACH' in subprocess.run(installed.line('cat', path), check=True, timeout=60,
                                                  capture_output=True).stdout
    outside = run('dpkg-query', '-W', '-f', '${Version}', 'fuse3')
    assert outside != installed.run('dpkg-query', '-W', '-f', '${Version}', 'fuse3')


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


def running(root, name):
    return root.run('sh', '-c', f'pidof {name} || true').split()


def is_mounted(root, point):
    return f' {point} ' in root.run('cat', '/proc/self/mountinfo')


def test_a_users_filesystem_compiled_there(installed):
    for name in ('hello_ll.c', 'hello_operations.c', 'hello_operations.h'):
        installed.copy_in(ROOT / 'example' / name, name)
    installed.run('sh', '-c', 'cd /tmp && cc hello_ll.c hello_operations.c -o hello_ll '
                  '$(pkg-config --cflags --libs fuse3)')
    installed.run('sh', '-c', 'mkdir -p /tmp/u/m /tmp/u/r && chown -R 65534:65534 /tmp/u && '
                  'chmod 700 /tmp/u/r')
    env = {'XDG_RUNTIME_DIR': '/tmp/u/r'}
    installed.run(*NOBODY, '/tmp/hello_ll', '-o', 'reattach', '/tmp/u/m', env=env)
    text = installed.run(*NOBODY, 'cat', '/tmp/u/m/hello')
    assert 'hello' in text.lower()
    kill = 'kill -9 $(pidof /tmp/hello_ll)'
    installed.run('sh', '-c', kill)
    assert installed.run(*NOBODY, 'cat', '/tmp/u/m/hello') == text
    installed.run(*NOBODY, 'fusermount3', '-u', '/tmp/u/m')
    assert not is_mounted(installed, '/tmp/u/m')


def test_debians_fuse_overlayfs(installed):
    """A program of Debian's that was never compiled with this library."""
    installed.run('sh', '-c', 'mkdir -p /tmp/o/l /tmp/o/u /tmp/o/w /tmp/o/m && echo text > /tmp/o/l/a')
    before = installed.run('sh', '-c', 'sha256sum $(command -v fuse-overlayfs)')
    installed.run('fuse-overlayfs', '-o', 'lowerdir=/tmp/o/l,upperdir=/tmp/o/u,workdir=/tmp/o/w',
                  '/tmp/o/m')
    maps = installed.run('sh', '-c', 'cat /proc/$(pidof fuse-overlayfs)/maps')
    library = next(line.split()[-1] for line in maps.splitlines() if 'libfuse3.so' in line)
    owner = installed.run('dpkg', '--search', library)
    assert owner.startswith('libfuse3-3:')
    assert installed.run('cat', '/tmp/o/m/a') == 'text\n'
    installed.run('sh', '-c', 'echo more >> /tmp/o/m/a; mkdir /tmp/o/m/d; mv /tmp/o/m/a /tmp/o/m/d/b')
    assert installed.run('cat', '/tmp/o/m/d/b') == 'text\nmore\n'
    assert installed.run('cat', '/tmp/o/l/a') == 'text\n'
    installed.run('fusermount3', '-u', '/tmp/o/m')
    wait_for(lambda: not is_mounted(installed, '/tmp/o/m'))
    assert before == installed.run('sh', '-c', 'sha256sum $(command -v fuse-overlayfs)')


def test_mount_helper(installed):
    """mount(8) finds the helper, which finds the filesystem."""
    installed.run('sh', '-c', 'mkdir /tmp/h && cp /tmp/hello_ll /usr/local/bin/')
    installed.run('mount', '-t', 'fuse', 'hello_ll', '/tmp/h', '-o', 'noauto,x-x=y,nofail')
    assert 'hello' in installed.run('ls', '/tmp/h')
    installed.run('umount', '/tmp/h')
    wait_for(lambda: not running(installed, 'hello_ll'))
    # Without any privilege, as a user, on a mount that root made.
    installed.run('mount', '-t', 'fuse', 'hello_ll', '/tmp/h', '-o',
                  'drop_privileges,setuid=nobody,allow_other')
    status = installed.run('sh', '-c', 'cat /proc/$(pidof hello_ll)/status')
    assert 'NoNewPrivs:\t1' in status and 'CapPrm:\t0000000000000000' in status
    assert 'Uid:\t65534\t65534\t65534\t65534' in status
    assert 'hello' in installed.run('ls', '/tmp/h')
    assert 'user_id=65534' in installed.run('cat', '/proc/self/mountinfo')
    installed.run('umount', '/tmp/h')
    # As fstab has it, and a program that there is not.
    refused = subprocess.run(installed.line('mount', '-t', 'fuse.nosuch', 'none', '/tmp/h'),
                             stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert refused.returncode == 32 and 'no program "nosuch"' in refused.stderr
