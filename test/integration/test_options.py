"""The command line, as every libfuse program has it."""

import ctypes
import errno
import os
import signal
import subprocess

import pytest

from fusetest import connection, paths, procs
from fusetest.filesystem import NotReady

EXAMPLES = ('hello_ll', 'passthrough_ll')


def run(example, *args):
    return subprocess.run([str(paths.example(example)), *args], capture_output=True, text=True,
                          timeout=20, stdin=subprocess.DEVNULL, check=False)


@pytest.mark.parametrize('example', EXAMPLES)
@pytest.mark.parametrize('flag', ['-h', '--help'])
def test_help(example, flag):
    done = run(example, flag)
    assert done.returncode == 0
    text = done.stdout + done.stderr
    for word in ('usage', '-f', '-d', '-s', 'clone_fd', 'max_idle_threads', 'allow_other',
                 'auto_unmount'):
        assert word in text


@pytest.mark.parametrize('example', EXAMPLES)
@pytest.mark.parametrize('flag', ['-V', '--version'])
def test_version(example, flag):
    done = run(example, flag)
    assert done.returncode == 0
    assert 'FUSE' in done.stdout + done.stderr and '7.' in done.stdout + done.stderr


@pytest.mark.parametrize('example', EXAMPLES)
def test_unknown_option_is_named(example, work):
    (work / 'mnt').mkdir()
    done = run(example, '-f', '-o', 'no_such_option=1', str(work / 'mnt'))
    assert done.returncode not in (0, -signal.SIGSEGV, -signal.SIGABRT)
    assert 'unknown option' in done.stderr and 'no_such_option' in done.stderr
    assert connection.find(work / 'mnt') is None


@pytest.mark.parametrize('example', EXAMPLES)
def test_no_mountpoint(example):
    done = run(example, '-f')
    assert done.returncode > 0 and 'mountpoint' in done.stderr.lower().replace('mount point',
                                                                              'mountpoint')


@pytest.mark.parametrize('closed', ['<&-', '>&-', '2>&-', '<&- >&-', '<&- >&- 2>&-'])
def test_closed_standard_streams(bench, closed):
    """What is opened instead of them is not taken for what the program opened next: it goes into the
    background, and finds its folder again."""
    fs = bench.add(start=False, args=(), reattach=False,
                   prefix=['sh', '-c', f'exec "$0" "$@" {closed}'])
    (fs.src / 'file').write_text('there')
    fs.start()
    assert (fs.mnt / 'file').read_text() == 'there'
    names = [os.readlink(f'/proc/{fs.server()}/fd/{fd}') for fd in range(3)]
    assert names == ['/dev/null'] * 3


def test_mountpoint_must_exist(work):
    done = run('hello_ll', '-f', str(work / 'none'))
    assert done.returncode > 0 and str(work / 'none') in done.stderr


@pytest.mark.parametrize('reattach', [False, True], ids=['off', 'on'])
def test_names_in_proc_mounts(bench, reattach):
    fs = bench.add('hello_ll', options=['fsname=some name,subtype=kind'.replace(' ', '_')],
                   reattach=reattach)
    mount = fs.mount()
    assert (mount.fstype, mount.source) == ('fuse.kind', 'some_name')


def test_default_names(bench):
    mount = bench.add('hello_ll', reattach=False).mount()
    assert mount.fstype in ('fuse.hello_ll', 'fuse') and mount.source == 'hello_ll'


def test_kernel_options(bench):
    fs = bench.add('hello_ll', options=['ro,noexec,allow_other,default_permissions'])
    mount = fs.mount()
    assert {'ro', 'noexec', 'nosuid', 'nodev'} <= set(mount.options)
    assert {'allow_other', 'default_permissions'} <= set(mount.super_options)


def test_suid_and_dev_for_root(bench):
    mount = bench.add('hello_ll', options=['suid', 'dev']).mount()
    assert not {'nosuid', 'nodev'} & set(mount.options)


def test_read_only(bench):
    fs = bench.add(options=['ro'])
    with pytest.raises(OSError) as caught:
        (fs.mnt / 'file').write_text('x')
    assert caught.value.errno == errno.EROFS


def test_others_need_allow_other(bench):
    closed, opened = bench.add('hello_ll'), bench.add('hello_ll', options=['allow_other'])
    for fs in (closed, opened):
        fs.work.chmod(0o711)

    def as_nobody(path):
        return subprocess.run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'cat',
                               str(path)], capture_output=True, timeout=20, check=False)

    assert as_nobody(opened.mnt / 'hello').returncode == 0
    refused = as_nobody(closed.mnt / 'hello')
    assert refused.returncode != 0 and b'ermission denied' in refused.stderr


def test_default_permissions(bench):
    fs = bench.add(options=['allow_other', 'default_permissions'])
    fs.work.chmod(0o711)
    (fs.src / 'secret').write_text('x')
    (fs.src / 'secret').chmod(0o600)
    done = subprocess.run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'cat',
                           str(fs.mnt / 'secret')], capture_output=True, timeout=20, check=False)
    assert done.returncode != 0 and b'ermission denied' in done.stderr


def test_daemonizes_without_f(bench):
    fs = bench.add('hello_ll', args=[], reattach=False)
    assert fs.process.wait(10) == 0
    assert (fs.mnt / 'hello').read_bytes()
    server = fs.server()
    assert os.readlink(f'/proc/{server}/cwd') == '/' and os.getsid(server) == server


def test_debug_output(bench):
    fs = bench.add('hello_ll', args=['-d'], reattach=False)
    (fs.mnt / 'hello').read_bytes()
    for word in ('INIT', 'LOOKUP', 'unique'):
        assert word in fs.log()


def test_mounted_by_somebody_else(bench):
    """A mountpoint of /dev/fd/N: the caller has opened the device and mounted already."""
    libc = ctypes.CDLL(None, use_errno=True)
    fs = bench.add('hello_ll', start=False, reattach=False)
    fd = os.open('/dev/fuse', os.O_RDWR)
    os.set_inheritable(fd, True)
    try:
        data = f'fd={fd},rootmode=40000,user_id=0,group_id=0'.encode()
        assert libc.mount(b'given', os.fsencode(fs.mnt), b'fuse.given', 6, data) == 0
        fs.process = subprocess.Popen([str(fs.exe), '-f', f'/dev/fd/{fd}'], pass_fds=[fd],
                                      env=fs.environment(), stdin=subprocess.DEVNULL)
    finally:
        os.close(fd)
    with connection.Watchdog(fs.mnt, 20):
        assert (fs.mnt / 'hello').read_bytes()
        assert os.listdir(fs.mnt) == ['hello']
    subprocess.run(['umount', str(fs.mnt)], check=True, timeout=20)
    assert fs.process.wait(10) == 0


def test_auto_unmount(bench):
    fs = bench.add('hello_ll', options=['auto_unmount'], reattach=False)
    assert (fs.mnt / 'hello').read_bytes()
    fs.kill_server()
    assert procs.wait_until(lambda: not fs.mount(), 10), 'the mount outlived its server'


@pytest.mark.parametrize('option', ['max_idle_threads=1', 'max_threads=2', 'clone_fd'])
def test_thread_options(bench, option):
    fs = bench.add('passthrough_ll', options=[option], reattach=False)
    (fs.mnt / 'file').write_text('x')
    assert (fs.mnt / 'file').read_text() == 'x'


def test_bad_value_is_refused(work):
    (work / 'mnt').mkdir()
    done = run('hello_ll', '-f', '-o', 'max_threads=many', str(work / 'mnt'))
    assert done.returncode > 0 and done.stderr.strip()


def test_reattach_with_a_bad_timeout_is_refused(work):
    (work / 'mnt').mkdir()
    done = run('hello_ll', '-f', '-o', 'reattach,reattach_timeout=soon', str(work / 'mnt'))
    assert done.returncode > 0 and done.stderr.strip()
    assert connection.find(work / 'mnt') is None


def test_reattach_folder_that_is_missing(bench, work):
    """Either made, or refused with words; never a mount that only looks recoverable."""
    fs = bench.add('hello_ll', start=False, reattach=False,
                   options=['reattach', f'reattach_dir={work}/none/of/this'])
    try:
        fs.start()
    except NotReady as error:
        assert error.code and 'none/of/this' in error.log
        fs.dirty = True
        return
    fs.recover()
    assert (fs.mnt / 'hello').read_bytes()
