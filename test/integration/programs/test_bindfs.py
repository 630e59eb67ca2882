"""bindfs: the one of a later Debian, since those of Debian 12 and 13 are built for version 2 of the
library, which is another interface."""

import os

import pytest

from fusetest import load, oracle
from fusetest.program import NOBODY

pytestmark = pytest.mark.usefixtures('high_level')


@pytest.fixture
def bindfs(mount_later):
    return lambda *options: mount_later('bindfs', 'bindfs',
                                        lambda fs: ['-f', *options, fs.src, fs.mnt])


@pytest.mark.limit(150)
def test_applications(bindfs, work, seed, killed):
    fs = bindfs()
    names = ['probe', 'effects', 'fio', 'tar', 'sqlite', 'git']
    load.run(fs, work, names, 6, seed, 4 if killed else 0)
    assert not oracle.differences(fs.src, fs.mnt)


def test_shows_another_owner(bindfs, killed):
    """What bindfs is for: the same files with other owners and permissions."""
    fs = bindfs(f'--force-user={NOBODY}', '--perms=a-w', '--xattr-none')
    (fs.src / 'file').write_text('text')
    if killed:
        fs.recover()
    info = os.stat(fs.mnt / 'file')
    assert info.st_uid == NOBODY and info.st_mode & 0o222 == 0
    assert (fs.mnt / 'file').read_text() == 'text'
    assert os.stat(fs.src / 'file').st_uid == 0
