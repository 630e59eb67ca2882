"""fuse-overlayfs: a writable layer above two read-only ones."""

import os

import pytest

from fusetest import load, oracle




@pytest.fixture
def layers(work, sample):
    upper, scratch, second = work / 'upper', work / 'scratch', work / 'second'
    for folder in (upper, scratch, second / 'dir.1'):
        folder.mkdir(parents=True)
    (second / 'dir.1' / 'more').write_text('of the second layer')
    return f'lowerdir={second}:{sample},upperdir={upper},workdir={scratch}', upper


@pytest.fixture(params=['installed', 'later'])
def overlay(request, mount, mount_later, installed, layers):
    def arguments(fs):
        return ['-f', '-o', layers[0], fs.mnt]
    if request.param == 'later':
        return mount_later('fuse-overlayfs', 'fuse-overlayfs', arguments)
    return mount(installed('fuse-overlayfs', 'fuse-overlayfs'),
                 lambda fs: ['fuse-overlayfs', *arguments(fs)], args=['-f'])


@pytest.mark.limit(150)
def test_applications(overlay, work, seed, killed):
    names = ['probe', 'effects', 'fio', 'tar', 'sqlite', 'git']
    load.run(overlay, work, names, 6, seed, 4 if killed else 0)


@pytest.mark.limit(90)
def test_layers(overlay, layers, sample, killed, read_under_kills):
    """Reading what lies below, then changing it: the lower layers must not change."""
    before = oracle.snapshot(sample)
    assert (overlay.mnt / 'dir.1' / 'more').read_text() == 'of the second layer'
    (overlay.mnt / 'dir.1' / 'more').unlink()
    read_under_kills(overlay, sample, per_second=4 if killed else 0)

    with open(overlay.mnt / 'big', 'r+b') as file:
        file.write(b'changed')
        if killed:
            overlay.recover()
        file.write(b' twice')
    assert (overlay.mnt / 'big').read_bytes()[:13] == b'changed twice'
    os.unlink(overlay.mnt / 'link')
    if killed:
        overlay.recover()
    assert not os.path.lexists(overlay.mnt / 'link')
    assert 'link' not in os.listdir(overlay.mnt)
    assert not oracle.differences(before, sample)
    assert (layers[1] / 'big').read_bytes()[:13] == b'changed twice'
