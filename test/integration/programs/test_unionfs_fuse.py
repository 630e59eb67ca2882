"""unionfs-fuse: a writable folder above a read-only one. Debian has it for version 2 of the interface
alone, so that the library it asks for is one of the tests', which hands all on to ours (version2.c)."""

import os

import pytest

from fusetest import load, oracle, paths

pytestmark = pytest.mark.usefixtures('high_level')


@pytest.fixture
def union(mount, unpacked, sample):
    program = unpacked('unionfs-fuse') / 'usr/bin/unionfs'
    return mount(program, lambda fs: [program, '-f', '-o', 'cow,hide_meta_files',
                                      f'{fs.src}=RW:{sample}=RO', fs.mnt],
                 args=['-f'], libraries=[paths.build_dir() / 'test/tools'])


@pytest.mark.limit(150)
def test_applications(union, work, seed, killed):
    names = ['probe', 'effects', 'fio', 'sqlite', 'git']
    load.run(union, work, names, 2, seed, 4 if killed else 0)


@pytest.mark.limit(90)
def test_layers(union, sample, killed, read_under_kills):
    """Reading what lies below, then changing it: the lower folder must not change."""
    before = oracle.snapshot(sample)
    read_under_kills(union, sample, seconds=1, per_second=6 if killed else 0)
    with open(union.mnt / 'big', 'r+b') as file:
        file.write(b'changed')
        if killed:
            union.recover()
        file.write(b' twice')
    assert (union.mnt / 'big').read_bytes()[:13] == b'changed twice'
    os.unlink(union.mnt / 'link')
    if killed:
        union.recover()
    assert not os.path.lexists(union.mnt / 'link') and 'link' not in os.listdir(union.mnt)
    assert not oracle.differences(before, sample)
    assert (union.src / 'big').read_bytes()[:13] == b'changed twice'
