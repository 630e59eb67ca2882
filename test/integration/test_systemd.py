"""systemd's descriptor store in the keeper's place: a service under a real service manager."""

import contextlib
import json
import os
import re
import signal
import threading

import pytest

from fusetest import connection, paths, procs, systemd
from fusetest.figures import read_figures
from fusetest.workloads import Runner

UNIT = 'passthrough.service'


@pytest.fixture(autouse=True, scope='module')
def there():
    reason = systemd.missing()
    if reason:
        pytest.skip(reason)


@pytest.fixture
def manager(work):
    with systemd.Manager(work) as made:
        yield made


class Service:
    """The unit from example/, for one mountpoint and with the built program."""

    def __init__(self, manager, work, args=('-f',), program=None, **settings):
        self.manager, self.mnt, self.src = manager, work / 'mnt', work / 'src'
        self.program, self.number = program or paths.example('passthrough_ll'), None
        self.mnt.mkdir()
        self.src.mkdir()
        text = (paths.ROOT / 'example' / 'passthrough@.service').read_text()
        text = text.replace('/usr/bin/passthrough_ll -f', ' '.join([str(self.program), *args]))
        text = text.replace('source=/srv', f'source={self.src}')
        text = text.replace('%f', str(self.mnt)).replace('%i', 'test')
        self._log = work / 'service.log'
        text = text.replace('[Service]\n', f'[Service]\nStandardError=append:{self._log}\n')
        for name, value in settings.items():
            text, count = re.subn(f'^{name}=.*$', f'{name}={value}', text, flags=re.M)
            assert count == 1, name
        manager.add(UNIT, text)

    def log(self):
        return self._log.read_text(errors='replace') + self.manager.log()

    def start(self):
        self.manager.systemctl('start', UNIT)
        self.number = self.mount().number
        return self

    def show(self, name):
        return self.manager.show(UNIT).get(name, '')

    def mount(self):
        found = [m for m in self.manager.mounts() if m.point == str(self.mnt)]
        return found[-1] if found else None

    @property
    def seen(self):
        """The mountpoint, for who is not in the manager's mount namespace."""
        return self.manager.root / str(self.mnt).lstrip('/')

    def server(self):
        return int(self.show('MainPID'))

    def kill(self):
        before = self.server()
        procs.send(before, signal.SIGKILL)
        assert procs.wait_until(lambda: self.server() not in (0, before) and
                                self.show('StatusText').startswith('serving'), 30), self.log()

    def runtime(self):
        return self.manager.root / 'run/user-manager/fuse-test'

    def figures(self):
        return read_figures(self.runtime(), self.number)

    @contextlib.contextmanager
    def limit(self, seconds):
        """No call on the mount takes longer."""
        timer = threading.Timer(seconds, connection.abort, [self.number])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            in_time = timer.is_alive()
            timer.cancel()
        assert in_time, f'took longer than {seconds} s'


@pytest.mark.parametrize('args', [['-f'], ['-f', '-o', 'clone_fd'], []])
def test_killed_under_work_and_stopped(manager, work, seed, args):
    """Applications see nothing of six deaths; "stop" leaves nothing."""
    service = Service(manager, work, args).start()
    assert service.show('StatusText').startswith(f'serving {service.mnt}, connection')
    with service.limit(60):
        runner = Runner(service.seen, work / 'workloads', ['probe', 'effects'], 3, seed)
        try:
            for generation in range(2, 8):
                service.kill()
                assert service.show('StatusText').endswith(f'generation {generation}')
            records = runner.wait(40)
        finally:
            runner.cancel()
    errors = [f'{name}: {text}' for name, record in records.items() for text in record.errors]
    assert not errors, '\n'.join(errors[:20]) + service.log()
    assert all(record.operations > 0 for record in records.values())
    figures = service.figures()
    assert figures['generation'] == 7 and figures['poisoned'] == 0, figures
    # A device whose worker was killed before it was stored counts as well, and was never read from.
    stored = int(service.show('NFileDescriptorStore'))
    assert stored == 2 or 'clone_fd' in args and 2 < stored <= 1 + figures['devices'], figures
    assert not manager.running('fuse-keeper')

    manager.systemctl('stop', UNIT)
    assert service.mount() is None and service.show('ActiveState') == 'inactive', service.log()
    assert service.show('NFileDescriptorStore') == '0'
    assert not manager.running(service.program.name) and not service.runtime().exists()


@pytest.mark.parametrize('args', [['-s'], ['-f', '-o', 'clone_fd']])
def test_restarted_by_the_administrator(manager, work, seed, args):
    """Another server, the same mount: an open file stays, applications see nothing, and since who
    leaves has finished what it had, nothing is run again."""
    service = Service(manager, work, args, TimeoutStopSec='80').start()
    with service.limit(100), open(service.seen / 'file', 'w+', encoding='ascii') as file:
        runner = Runner(service.seen, work / 'workloads', ['probe', 'effects'], 2, seed)
        try:
            for number in range(4):
                file.write(str(number))
                file.flush()
                before = service.server()
                manager.systemctl('restart', UNIT)
                assert service.server() != before and service.mount().number == service.number
            records = runner.wait(40)
        finally:
            runner.cancel()
        file.seek(0)
        assert file.read() == '0123'
    errors = [f'{name}: {text}' for name, record in records.items() for text in record.errors]
    assert not errors, '\n'.join(errors[:20]) + service.log()
    figures = service.figures()
    assert figures['generation'] == 5 and figures['replayed'] == 0, f'{figures} {service.log()}'


def test_the_tool_shows_it(manager, work):
    """fuse-reattach reads the state where there is no keeper to ask."""
    tool = paths.build_dir() / 'util' / 'reattach' / 'fuse-reattach'
    if not tool.exists():
        pytest.skip('fuse-reattach was not built: CLI11 is missing')
    service = Service(manager, work).start()
    service.kill()
    status = json.loads(manager.run(tool, 'status', '--json', service.mnt).stdout)
    assert (status['state'], status['holder']) == ('LIVE', 'systemd'), status
    assert status['server_pid'] == service.server() and status['generation'] == 2
    assert 'descriptor store' in manager.run(tool, 'status', service.mnt).stdout
    row = [line for line in manager.run(tool, 'list').stdout.splitlines() if str(service.mnt) in line]
    assert row[0].split() == [str(service.number), 'LIVE', str(service.server()), '-', '1',
                              str(service.mnt)]
    refused = manager.run(tool, 'upgrade', service.mnt, check=False)
    assert refused.returncode == 4 and 'systemctl restart' in refused.stderr, refused
    manager.systemctl('stop', UNIT)


def test_without_a_store_there_is_a_keeper(manager, work):
    """Where the unit has none, "auto" starts a keeper, and "systemd" is an error that says why."""
    service = Service(manager, work, FileDescriptorStoreMax='0', Restart='no')
    refused = manager.systemctl('start', UNIT, check=False)
    assert refused.returncode != 0 and service.mount() is None
    assert 'FileDescriptorStoreMax=' in service.log(), service.log()
    manager.edit(UNIT, 'reattach_holder=systemd', 'reattach_holder=auto')
    service.start()
    assert manager.running('fuse-keeper')
    assert service.show('StatusText').startswith('serving')
    manager.systemctl('stop', UNIT)
    assert service.mount() is None
    assert procs.wait_until(lambda: not manager.running('fuse-keeper'), 20)


def test_a_state_that_cannot_be_used(manager, work):
    """The mount is given up at once, and mounted anew."""
    service = Service(manager, work).start()
    (service.seen / 'file').write_text('x')
    file = os.open(service.seen / 'file', os.O_RDONLY)
    with service.limit(50):
        with open(service.runtime() / f'{service.number}.state', 'r+b') as state:
            state.write(b'damaged!')
        service.kill()
        with pytest.raises(OSError):
            os.read(file, 1)
        assert service.mount().number != service.number
        assert (service.seen / 'file').read_text() == 'x'
    with contextlib.suppress(OSError):
        os.close(file)
    assert 'given up and mounted anew' in service.log()
    manager.systemctl('stop', UNIT)
    assert service.mount() is None and not service.runtime().exists()


def test_a_program_that_cannot_be_started_any_more(manager, work):
    """Callers wait, and get an error once systemd stops trying."""
    program = work / 'program'
    program.symlink_to(paths.example('passthrough_ll'))
    service = Service(manager, work, program=program, StartLimitBurst=4).start()
    (service.seen / 'file').write_text('x')
    program.unlink()
    program.write_text('#!/bin/sh\nexit 1\n')
    program.chmod(0o755)
    with service.limit(50):
        procs.send(service.server(), signal.SIGKILL)
        with pytest.raises(OSError):
            os.statvfs(service.seen)
    assert procs.wait_until(lambda: service.show('ActiveState') == 'failed', 20)
    assert service.show('NFileDescriptorStore') == '0'
