"""python3-pyfuse3: a filesystem in Python, through Debian's binding."""

from pathlib import Path

import pytest

from fusetest import load, oracle


@pytest.fixture
def pyfs(mount, installed):
    script = Path(__file__).with_name('pyfs.py')
    return mount(installed('python3', 'python3'),
                 lambda fs: ['/usr/bin/python3', '-B', script, fs.src, fs.mnt], args=['-f'])


@pytest.mark.limit(150)
def test_applications(pyfs, work, seed, killed):
    load.run(pyfs, work, ['probe', 'effects', 'git'], 8, seed, 1 if killed else 0)
    assert not oracle.differences(pyfs.src, pyfs.mnt)


def test_reading(pyfs, sample, killed, read_under_kills):
    sample.rename(pyfs.src / 'tree')
    tree = pyfs.src / 'tree'
    pyfs.mnt, top = pyfs.mnt / 'tree', pyfs.mnt
    try:
        read_under_kills(pyfs, tree, per_second=1 if killed else 0)
    finally:
        pyfs.mnt = top
