"""How a server ends, and what is left then: nothing."""

import os
import signal
import subprocess

import pytest

from fusetest import procs

BOTH = pytest.mark.parametrize('reattach', [False, True], ids=['off', 'on'])
EXAMPLES = pytest.mark.parametrize('example', ['hello_ll', 'passthrough_ll'])


def _gone(fs):
    return procs.wait_until(lambda: not fs.leftovers(), 10)


@BOTH
@EXAMPLES
@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP],
                         ids=['TERM', 'INT', 'HUP'])
def test_ends_on_signal(bench, example, reattach, number):
    fs = bench.add(example, reattach=reattach)
    fs.process.send_signal(number)
    code = fs.process.wait(10)
    assert code >= 0, f'died of signal {-code}'
    assert _gone(fs), fs.leftovers()


@BOTH
def test_survives_sigpipe(bench, reattach):
    fs = bench.add('hello_ll', reattach=reattach)
    fs.process.send_signal(signal.SIGPIPE)
    with pytest.raises(subprocess.TimeoutExpired):
        fs.process.wait(0.3)
    assert (fs.mnt / 'hello').read_bytes()


@BOTH
@EXAMPLES
@pytest.mark.parametrize('how', ['umount', 'umount -l', 'fusermount3 -u'])
def test_ends_at_unmount(bench, example, reattach, how):
    fs = bench.add(example, reattach=reattach)
    os.listdir(fs.mnt)
    subprocess.run([*how.split(), str(fs.mnt)], check=True, timeout=20)
    assert fs.process.wait(10) == 0
    assert _gone(fs), fs.leftovers()


@BOTH
def test_successor_ends_at_unmount(bench, reattach):
    """A server that took over ends as the first one would have."""
    fs = bench.add(reattach=reattach)
    if reattach:
        fs.recover()
        fs.recover()
    subprocess.run(['umount', str(fs.mnt)], check=True, timeout=20)
    assert _gone(fs), fs.leftovers()


def test_successor_ends_on_signal(bench):
    fs = bench.add()
    fs.recover()
    assert procs.send(fs.server(), signal.SIGTERM, fs.exe) is not None
    assert _gone(fs), fs.leftovers()


@BOTH
def test_mount_again_at_the_same_place(bench, reattach):
    fs = bench.add(reattach=reattach)
    for number in range(5):
        (fs.mnt / f'file.{number}').write_text('x')
        assert fs.unmount(), fs.leftovers()
        fs.process.wait(10)
        fs.start()
        assert len(os.listdir(fs.mnt)) == number + 1


def test_two_mounts_beside_each_other(bench):
    one = bench.add()
    two = bench.add(runtime=one.runtime)
    one.dirty = True  # the folder is shared: judged by hand below
    for fs in (one, two):
        (fs.mnt / 'file').write_text(str(fs.number))
    one.kill_server()
    two.kill_server()
    for fs in (one, two):
        fs.first_answer()
        assert (fs.mnt / 'file').read_text() == str(fs.number)
    subprocess.run(['umount', str(one.mnt)], check=True, timeout=20)
    assert procs.wait_until(lambda: not procs.tagged(one.tag), 10)
    assert (two.mnt / 'file').read_text() == str(two.number)
