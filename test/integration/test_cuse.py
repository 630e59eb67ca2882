"""The device example, where the kernel has CUSE; and what is said where it has not."""

import errno
import os
import select
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from fusetest import paths, procs

DEVICE = Path('/dev/cuse')


def _has_cuse():
    if not DEVICE.exists() and shutil.which('modprobe'):
        subprocess.run(['modprobe', 'cuse'], check=False, timeout=20, capture_output=True)
    return os.access(DEVICE, os.R_OK | os.W_OK)


class Served:
    """The device of a running example."""

    def __init__(self, *options):
        name = f'fusetest{uuid.uuid4().hex[:12]}'
        self.path = Path('/dev') / name
        self.process = subprocess.Popen([str(paths.example('cuse')), '-f', f'--name={name}',
                                         *options], stdin=subprocess.DEVNULL)

    def wait(self):
        assert procs.wait_until(lambda: self.path.exists() or self.process.poll() is not None, 20)
        assert self.process.poll() is None

    def end(self):
        self.process.terminate()
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)
            raise
        assert procs.wait_until(lambda: not self.path.exists(), 20)
        return status

    def client(self, *arguments):
        return subprocess.run([str(paths.example('cuse_client')), str(self.path),
                               *[str(part) for part in arguments]],
                              capture_output=True, text=True, timeout=20, check=False)


@pytest.fixture
def serve():
    if not _has_cuse():
        pytest.skip('the kernel has no CUSE')
    made = []

    def start(*options):
        made.append(Served(*options))
        made[-1].wait()
        return made[-1]

    yield start
    for served in made:
        if served.process.poll() is None:
            served.end()


@pytest.mark.parametrize('threads', ['one', 'several'])
def test_memory(serve, threads):
    device = serve(*(['-s'] if threads == 'one' else []))
    assert device.client('size').stdout == '0\n'
    data = os.urandom(200_000)
    with open(device.path, 'r+b', buffering=0) as file:
        # More than one request each. To the kernel a device has no position: every call begins at 0.
        assert os.write(file.fileno(), data) == len(data)
        assert os.read(file.fileno(), 300_000) == data
        assert os.pread(file.fileno(), 5, 100) == data[:5]
        assert select.select([file], [file], [], 20) == ([file], [file], [])
    assert device.client('size').stdout == f'{len(data)}\n'
    assert device.client('resize', 4).returncode == 0
    with open(device.path, 'r+b', buffering=0) as file:
        os.pwrite(file.fileno(), b'text', 0)
    copied = device.client('copy', 1, 100)
    assert (copied.returncode, copied.stdout) == (0, 'ext')
    assert os.strerror(errno.ENOSPC) in device.client('resize', 1 << 40).stderr
    assert device.end() == 0


def test_restricted(serve):
    device = serve('--restricted')
    assert device.client('resize', 10).returncode == 0
    assert device.client('size').stdout == '10\n'
    assert device.client('copy', 0, 1).returncode != 0


def test_device_goes_with_its_process(serve):
    device = serve()
    device.process.kill()
    device.process.wait(20)
    assert procs.wait_until(lambda: not device.path.exists(), 20)


def test_missing_cuse_is_said():
    if _has_cuse():
        pytest.skip('the kernel has CUSE')
    done = subprocess.run([str(paths.example('cuse')), '-f', '--name=none'], capture_output=True,
                          text=True, timeout=20, check=False)
    assert done.returncode == 1 and str(DEVICE) in done.stderr


def test_help():
    done = subprocess.run([str(paths.example('cuse')), '--help'], capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.returncode == 0 and 'usage:' in done.stdout
