"""Debian's programs: what is installed, and packages unpacked into the build folder where installing
them would start services or where another release of Debian is meant."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import paths

SECONDS = 300
# The dynamic linker of a package that brings its own C library.
LOADER = 'lib64/ld-linux-x86-64.so.2'


class NotObtained(RuntimeError):
    """A package could not be had; the text says why."""


def program(name, package):
    """The path of an installed program, links resolved: that is what /proc shows."""
    found = shutil.which(name, path='/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
    if not found:
        raise NotObtained(f'{name} is not there: install {package}')
    return Path(os.path.realpath(found))


def _run(line, cwd=None, env=None):
    done = subprocess.run(line, cwd=cwd, env=dict(os.environ, LC_ALL='C', **(env or {})),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
    if done.returncode != 0:
        raise NotObtained(f'{" ".join(line)}:\n{done.stdout[-1500:]}')
    return done.stdout


def unpacked(*packages, suite=None):
    """A folder that holds what is in these packages, and no package was installed. `suite` is a
    release of Debian other than the machine's. Downloaded once for each build folder."""
    top = paths.build_dir() / 'programs'
    folder = top / '+'.join([*packages, *([suite] if suite else [])])
    if folder.is_dir():
        return folder
    top.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=top) as scratch:
        scratch, env = Path(scratch), {}
        if suite:
            env = _other_release(scratch, suite)
        _run(['apt-get', 'download', *packages], scratch, env)
        root = scratch / 'root'
        for package in sorted(scratch.glob('*.deb')):
            _run(['dpkg-deb', '-x', str(package), str(root)])
        root.rename(folder)
    return folder


def _other_release(scratch, suite):
    """Lets apt-get see one other release and nothing of the machine's; the environment for it."""
    for name in ('lists/partial', 'cache/archives/partial'):
        (scratch / name).mkdir(parents=True)
    (scratch / 'status').touch()
    mirror = _run(['apt-get', 'indextargets', '--format', '$(SITE) $(COMPONENT) $(RELEASE)',
                   'Created-By: Packages']).splitlines()
    sites = [line.split()[0] for line in mirror
             if line.split()[1:2] == ['main'] and 'security' not in line]
    if not sites:
        raise NotObtained('no Debian mirror is known to apt')
    keys = '/usr/share/keyrings/debian-archive-keyring.gpg'
    (scratch / 'sources.list').write_text(f'deb [signed-by={keys}] {sites[0]} {suite} main\n')
    (scratch / 'apt.conf').write_text(
        f'Dir::Etc::sourcelist "{scratch}/sources.list";\nDir::Etc::sourceparts "-";\n'
        f'Dir::State::lists "{scratch}/lists";\nDir::State::status "{scratch}/status";\n'
        f'Dir::Cache "{scratch}/cache";\nAcquire::Languages "none";\n')
    env = {'APT_CONFIG': str(scratch / 'apt.conf')}
    _run(['apt-get', 'update'], scratch, env)
    return env
