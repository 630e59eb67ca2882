"""Modules that a user puts on a filesystem: the library's own, and one from a shared object."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from fusetest import paths
from fusetest.filesystem import NotReady

LIBRARY = paths.build_dir() / 'lib'


@pytest.fixture(scope='session')
def hide(tmp_path_factory):
    """An environment in which the module is found."""
    folder = tmp_path_factory.mktemp('modules')
    subprocess.run(['cc', '-shared', '-fPIC', '-Wall', '-Werror', f'-I{paths.ROOT / "include"}',
                    '-o', str(folder / 'libfusemod_hide.so'),
                    str(Path(__file__).with_name('libfusemod_hide.c')), f'-L{LIBRARY}', '-lfuse3'],
                   check=True, timeout=60)
    return {'LD_LIBRARY_PATH': f'{folder}:{os.environ.get("LD_LIBRARY_PATH", "")}'}


def errno_of(function, *args):
    try:
        function(*args)
    except OSError as error:
        return error.errno
    return 0


@pytest.fixture(params=['passthrough', 'passthrough_fh'])
def subdir(request, bench):
    fs = bench.add(request.param, start=False, reattach=False,
                   options=['modules=subdir,subdir=/deep/down,rellinks'])
    (fs.src / 'deep/down/dir').mkdir(parents=True)
    (fs.src / 'outside').touch()
    return fs.start()


def test_subdir_shows_a_directory_as_the_whole(subdir):
    below = subdir.src / 'deep/down'
    (below / 'dir/file').write_text('text')
    assert os.listdir(subdir.mnt) == ['dir']
    assert (subdir.mnt / 'dir/file').read_text() == 'text'
    (subdir.mnt / 'new').write_bytes(b'x' * 200_000)
    assert (below / 'new').read_bytes() == b'x' * 200_000
    os.rename(subdir.mnt / 'new', subdir.mnt / 'dir/moved')
    os.link(subdir.mnt / 'dir/moved', subdir.mnt / 'same')
    os.truncate(subdir.mnt / 'same', 3)
    os.chmod(subdir.mnt / 'same', 0o600)
    assert (below / 'dir/moved').read_bytes() == b'xxx'
    os.unlink(subdir.mnt / 'same')
    assert errno_of(os.rmdir, subdir.mnt / 'dir') == errno.ENOTEMPTY
    assert sorted(os.listdir(below / 'dir')) == ['file', 'moved']
    assert os.statvfs(subdir.mnt).f_namemax == 255


def test_subdir_makes_links_relative(subdir):
    os.symlink('/deep/down/dir/file', subdir.src / 'deep/down/dir/link')
    os.symlink('/outside', subdir.src / 'deep/down/dir/away')
    assert os.readlink(subdir.mnt / 'dir/link') == '../dir/file'
    assert os.readlink(subdir.mnt / 'dir/away') == '/outside'


def test_iconv_shows_names_in_another_character_set(bench):
    fs = bench.add('passthrough', start=False, reattach=False,
                   options=['modules=iconv,from_code=ISO-8859-1,to_code=UTF-8'])
    (fs.src / os.fsdecode(b'gr\xfc\xdf')).write_text('text')
    fs.start()
    assert os.listdir(fs.mnt) == ['gr\u00fc\u00df']
    assert (fs.mnt / 'gr\u00fc\u00df').read_text() == 'text'
    (fs.mnt / 'd\u00e4').mkdir()
    assert b'd\xe4' in os.listdir(os.fsencode(fs.src))
    assert errno_of(os.mkdir, fs.mnt / '\u20ac') == errno.EILSEQ


def test_module_from_a_shared_object(bench, hide):
    fs = bench.add('passthrough', reattach=False, options=['modules=hide,hide=secret'], env=hide)
    (fs.src / 'secrets').touch()
    (fs.src / 'open').write_text('text')
    assert os.listdir(fs.mnt) == ['open']
    assert (fs.mnt / 'open').read_text() == 'text'
    assert errno_of(os.stat, fs.mnt / 'secrets') == errno.ENOENT
    assert errno_of(os.mkdir, fs.mnt / 'new') == errno.ENOSYS, 'the module does not have that'


def test_modules_on_each_other(bench, hide):
    fs = bench.add('passthrough', start=False, reattach=False, env=hide,
                   options=['modules=subdir:hide,subdir=/sub,hide=s'])
    (fs.src / 'sub/seen').mkdir(parents=True)
    (fs.src / 'sub/other').mkdir()
    fs.start()
    assert os.listdir(fs.mnt) == ['other'], 'subdir is nearest to the filesystem'


def test_modules_live_through_the_death_of_the_server(bench, hide):
    fs = bench.add('passthrough', start=False, env=hide,
                   options=['modules=subdir:hide,subdir=/sub,hide=secret'])
    (fs.src / 'sub').mkdir()
    (fs.src / 'sub/file').write_text('before')
    (fs.src / 'sub/secret').touch()
    fs.start()
    with open(fs.mnt / 'file', encoding='ascii') as file:
        first = fs.server()
        fs.kill_server()
        assert file.read() == 'before'
    assert os.listdir(fs.mnt) == ['file']
    assert fs.server() != first


@pytest.mark.parametrize('options,message', [
    ('modules=nosuch', 'libfusemod_nosuch.so'),
    ('modules=subdir', 'subdir=DIR'),
    ('modules=iconv,from_code=NOSUCH', 'NOSUCH'),
    ('modules=../../evil', '../../evil'),
    ('subdir=/x', 'subdir=/x'),
])
def test_what_cannot_be_is_refused(bench, options, message):
    fs = bench.add('passthrough', start=False, reattach=False, options=[options])
    with pytest.raises(NotReady) as failure:
        fs.start()
    assert failure.value.code == 3 and message in failure.value.log


def test_help_is_that_of_the_modules_in_use(hide):
    done = subprocess.run([paths.example('passthrough'), '--help', '-omodules=hide'], timeout=30,
                          capture_output=True, text=True, check=False,
                          env={**os.environ, **hide}, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    for option in ('hide=PREFIX', 'subdir=DIR', 'from_code=CHARSET', 'source=DIR'):
        assert option in done.stdout
