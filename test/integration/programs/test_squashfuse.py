"""squashfuse and squashfuse_ll: an image, mounted read-only through the high-level and the low-level
API."""

import subprocess

import pytest

from fusetest import oracle


@pytest.fixture
def image(sample, work, installed):
    path = work / 'image'
    subprocess.run([installed('mksquashfs', 'squashfs-tools'), sample, path, '-quiet', '-no-progress'],
                   check=True, timeout=60, stdout=subprocess.DEVNULL)
    return path


@pytest.mark.parametrize('name', ['squashfuse', 'squashfuse_ll'])
def test_image(request, mount, installed, image, sample, killed, read_under_kills, name):
    if not name.endswith('_ll'):
        request.getfixturevalue('high_level')
    fs = mount(installed(name, 'squashfuse'), lambda fs: [name, '-f', image, fs.mnt], args=['-f'])
    read_under_kills(fs, sample, per_second=6 if killed else 0)
    assert not oracle.differences(sample, fs.mnt)
