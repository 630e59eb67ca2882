"""fuse_main(): what a program of the high-level interface does with its command line."""

import os
import re
import signal
import stat
import subprocess

import pytest

from fusetest import connection, paths, procs
from fusetest.filesystem import NotReady

PROGRAMS = ('hello', 'null', 'passthrough', 'passthrough_fh', 'invalidate_path')
OPTIONS = ('-f', '-d', '-s', 'clone_fd', 'max_idle_threads', 'max_threads', 'kernel_cache',
           '[no]auto_cache', 'no_rofd_flush', 'umask=M', 'fmask=M', 'dmask=M', 'uid=N', 'gid=N',
           'entry_timeout=T', 'negative_timeout=T', 'attr_timeout=T', 'ac_attr_timeout=T',
           'noforget', 'remember=T', 'modules=M1[:M2...]', 'parallel_direct_writes', 'allow_other',
           'auto_unmount', 'reattach', 'subdir=DIR', 'from_code=CHARSET')


def run(program, *args):
    return subprocess.run([str(paths.example(program)), *map(str, args)], capture_output=True,
                          text=True, timeout=30, stdin=subprocess.DEVNULL, check=False)


@pytest.mark.parametrize('program', PROGRAMS)
@pytest.mark.parametrize('flag', ['-h', '--help'])
def test_help(program, flag):
    done = run(program, flag)
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout.count('usage: ') == 1
    assert [option for option in OPTIONS if option not in done.stdout] == []


@pytest.mark.parametrize('flag', ['-V', '--version'])
def test_version(flag):
    done = run('passthrough', flag)
    assert done.returncode == 0
    assert re.search(r'^FUSE library version 3\.\d+', done.stdout, re.M)
    assert re.search(r'7\.\d+', done.stdout)


@pytest.mark.parametrize('args,status,message', [
    ([], 2, 'no mountpoint specified'),
    (['-o', 'max_threads=many', '{mnt}'], 1, 'max_threads=many'),
    (['{mnt}', '{mnt}'], 1, 'invalid argument'),
    (['{mnt}/none'], 1, '{mnt}/none'),
    (['-o', 'no_such_option=1', '{mnt}'], 3, "unknown option(s): `-o no_such_option=1'"),
    (['--no-such-option', '{mnt}'], 3, '--no-such-option'),
    (['-o', 'uid=somebody', '{mnt}'], 3, 'uid=somebody'),
    (['-o', 'attr_timeout=', '{mnt}'], 3, 'attr_timeout='),
    (['/dev/fd/987'], 4, '/dev/fd/987'),
])
def test_failures_have_a_status_and_a_message(work, args, status, message):
    (work / 'mnt').mkdir()
    mnt = str(work / 'mnt')
    done = run('hello', *[arg.replace('{mnt}', mnt) for arg in args])
    assert done.returncode == status, done.stderr
    assert message.replace('{mnt}', mnt) in done.stderr
    assert connection.find(mnt) is None


def test_unmounting_is_the_normal_end(bench):
    fs = bench.add('hello', reattach=False)
    assert fs.unmount()
    assert fs.process.wait(timeout=15) == 0


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_mount(bench, number):
    fs = bench.add('hello', reattach=False)
    fs.process.send_signal(number)
    assert fs.process.wait(timeout=15) == 8
    assert procs.wait_until(lambda: fs.mount() is None, 15)


def test_into_the_background(bench):
    fs = bench.add('hello', args=[], reattach=False)
    assert fs.process.wait(timeout=15) == 0
    assert (fs.mnt / 'hello').read_text() == 'Hello, world!\n'
    (server,) = fs.servers()
    assert os.readlink(f'/proc/{server}/cwd') == '/'


@pytest.mark.parametrize('args', [['-f', '-s'], ['-f'], ['-f', '-o', 'clone_fd,max_threads=2']])
def test_threads(bench, args):
    fs = bench.add('hello', args=args, reattach=False)
    for _ in range(100):
        assert (fs.mnt / 'hello').read_text() == 'Hello, world!\n'
    if '-s' in args:
        assert len(os.listdir(f'/proc/{fs.server()}/task')) == 1


def test_names_in_proc_mounts(bench):
    mount = bench.add('hello', reattach=False).mount()
    assert (mount.fstype, mount.source) == ('fuse.hello', 'hello')


# -- options of the high-level interface ----------------------------------------------------------


@pytest.mark.parametrize('options,expected', [
    ([], (0o100644, 0o040755, 1, 2)),
    (['uid=12,gid=34'], (0o100644, 0o040755, 12, 34)),
    (['umask=077'], (0o100700, 0o040700, 1, 2)),
    (['umask=077,fmask=0137'], (0o100640, 0o040700, 1, 2)),
    (['fmask=0133,dmask=027'], (0o100644, 0o040750, 1, 2)),
])
def test_owners_and_permissions(bench, options, expected):
    fs = bench.add('passthrough', options=options, reattach=False)
    (fs.src / 'file').touch()
    os.chmod(fs.src / 'file', 0o644)
    os.chown(fs.src / 'file', 1, 2)
    (fs.src / 'dir').mkdir()
    os.chmod(fs.src / 'dir', 0o755)
    file = os.stat(fs.mnt / 'file')
    assert (file.st_mode, os.stat(fs.mnt / 'dir').st_mode, file.st_uid, file.st_gid) == expected


def test_debugging_shows_operations(bench):
    fs = bench.add('passthrough_fh', args=['-d'], reattach=False)
    with open(fs.mnt / 'file', 'wb') as file:
        file.write(b'hello')
    assert (fs.mnt / 'file').read_bytes() == b'hello'
    os.rename(fs.mnt / 'file', fs.mnt / 'other')
    os.listdir(fs.mnt)
    os.unlink(fs.mnt / 'other')
    text = fs.log()
    for line in (r'create flags: 0x[0-9a-f]+ /file 0100644 umask=0022',
                 r'   create\[\d+\] flags: 0x[0-9a-f]+ /file',
                 r'write\[\d+\] 5 bytes to 0 flags: 0x8001', r'   write\[\d+\] 5 bytes to 0',
                 r'getattr\[NULL\] /file', r'open flags: 0x8000 /file',
                 r'read\[\d+\] 4096 bytes from 0 flags: 0x8000', r'   read\[\d+\] \d+ bytes from 0',
                 r'flush\[\d+\]', r'release\[\d+\] flags: 0x8000', r'rename /file /other 0x0',
                 r'opendir flags: 0x\w+ /', r'readdir(plus)?\[\d+\] from 0', r'unlink /other'):
        assert re.search(f'^{line}$', text, re.M), line


def test_without_debugging_nothing_is_shown(bench):
    fs = bench.add('passthrough', reattach=False)
    (fs.mnt / 'file').write_bytes(b'hello')
    assert fs.log() == ''


def lookups(fs, name):
    """How often the filesystem was asked for a name."""
    return fs.log().count(f'getattr[NULL] /{name}\n')


@pytest.mark.parametrize('seconds', [1000, 0])
def test_names_and_attributes_are_cached(bench, seconds):
    fs = bench.add('hello', args=['-d'], reattach=False,
                   options=[f'entry_timeout={seconds},attr_timeout={seconds}'])
    for _ in range(3):
        assert stat.S_ISREG(os.stat(fs.mnt / 'hello').st_mode)
    asked = lookups(fs, 'hello')
    assert asked == 1 if seconds else asked >= 3


@pytest.mark.parametrize('options,asked', [([], 3), (['negative_timeout=1000'], 1)])
def test_absence_is_cached(bench, options, asked):
    fs = bench.add('hello', args=['-d'], options=options, reattach=False)
    for _ in range(3):
        assert not os.path.exists(fs.mnt / 'missing')
    assert lookups(fs, 'missing') == asked


def test_a_filesystem_that_cannot_start_says_why(bench):
    fs = bench.add('hello', start=False, reattach=False, options=['remember=long'])
    with pytest.raises(NotReady) as failure:
        fs.start()
    assert failure.value.code == 3 and 'remember=long' in failure.value.log
