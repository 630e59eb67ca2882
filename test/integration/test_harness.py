"""The harness itself: what it must notice, it notices."""

import os
import subprocess

from fusetest import load, oracle, procs
from fusetest.effects import Effects
from fusetest.recorder import Record, Recorder
from fusetest.workloads import recovery_times


def test_trees_that_differ_are_told_apart(work):
    left, right = work / 'left', work / 'right'
    for folder in (left, right):
        folder.mkdir()
        (folder / 'same').write_text('x')
        (folder / 'link').symlink_to('same')
    assert oracle.differences(left, right) == []
    (right / 'same').write_text('y')
    (right / 'more').write_text('')
    (right / 'link').unlink()
    (right / 'link').symlink_to('more')
    found = oracle.differences(left, right)
    assert [text.split(':')[0] for text in found] == ['not expected', 'link', 'same']


def test_a_doubled_append_is_noticed(work):
    rec = Recorder(work / 'record')
    worker = Effects(str(work / 'dir'), rec, 1)
    for _ in range(5):
        worker.append()
    with open(work / 'dir' / 'log', 'ab') as file:
        file.write(b'%011d\n' % 4)
    worker.finish()
    rec.close()
    assert Record('record', work / 'record').errors == [
        'log: 5 records appended, 6 there, 0 lost, 1 doubled']


def test_lost_effects_are_noticed(work):
    rec = Recorder(work / 'record')
    worker = Effects(str(work / 'dir'), rec, 1)
    worker.create()
    worker.make_folder()
    os.unlink(work / 'dir' / worker.names[0])
    os.rmdir(work / 'dir' / worker.folders[0])
    worker.remove()
    worker.remove_folder()
    rec.close()
    errors = Record('record', work / 'record').errors
    assert [text.split(':')[:2] for text in errors] == [['unlink', ' ENOENT'], ['rmdir', ' ENOENT']]


def test_every_effect_works_without_any_kill(work):
    rec = Recorder(work / 'record')
    worker = Effects(str(work / 'dir'), rec, 7)
    for step in worker._steps * 5:  # pylint: disable=protected-access
        step()
    worker.finish()
    rec.close()
    record = Record('record', work / 'record')
    assert record.errors == [] and record.operations > 50


def test_recovery_is_measured_from_the_kill_to_a_later_call():
    calls = [(100, 110, 1, 10, 'open'), (120, 900, 1, 780, 'rename'), (910, 930, 1, 20, 'read'),
             (940, 960, 1, 20, 'statfs')]
    assert recovery_times(calls, [(200, 1, False)]) == [(960 - 200) / 1e9]


def test_processes_of_a_tag_are_found(work):
    env = dict(os.environ, **{procs.TAG: f'here{os.getpid()}'})
    process = subprocess.Popen(['sleep', '60'], env=env)
    try:
        assert procs.wait_until(lambda: procs.tagged(f'here{os.getpid()}') == [process.pid], 5)
        assert procs.running('/usr/bin/sleep', '60') and procs.is_alive(process.pid)
        assert procs.send(process.pid, 9, '/usr/bin/true') is None
        assert procs.send(process.pid, 9, '/usr/bin/sleep') is not None
        process.wait(5)
        assert not procs.is_alive(process.pid) and procs.send(process.pid, 9) is None
    finally:
        process.kill()
        process.wait()


def test_without_reattach_applications_do_notice(bench):
    """The kill reaches the server and the errors reach the application: the recovery tests would
    fail if nothing recovered."""
    fs = bench.add(reattach=False)
    fs.dirty = True
    fs.kill_server()
    procs.wait_until(lambda: not fs.servers(), 5)
    try:
        os.statvfs(fs.mnt)
        seen = None
    except OSError as error:
        seen = error.errno
    assert seen is not None


def test_workloads_that_begin_late_do_something(bench, work, seed):
    """On a starved machine the time may be over before they have begun."""
    records, _ = load.run(bench.add(), work, ['probe', 'effects', 'locks'], 0, seed, 6)
    assert min(record.operations for record in records.values()) > 0
