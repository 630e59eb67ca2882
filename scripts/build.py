"""Configuring and building with meson, for ./demo and ./check."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Targets below these folders are only needed by those who run the tests.
TEST_FOLDERS = ('test/unit', 'test/crash', 'test/fuzz', 'bench')


class BuildError(RuntimeError):
    """Configuring or compiling failed; the text is the end of what was said."""


def _run(line, env=None, seconds=3000):
    full = dict(os.environ, **(env or {}))
    run = subprocess.run(line, cwd=ROOT, env=full, stdin=subprocess.DEVNULL, text=True,
                         errors='replace', stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         timeout=seconds, check=False)
    if run.returncode != 0:
        raise BuildError('\n'.join(run.stdout.splitlines()[-60:]))
    return run.stdout


def configure(folder, options=(), env=None):
    """Makes or adapts a build folder; the compilers of `env` count at the first time only."""
    folder = Path(folder)
    ready = (folder / 'meson-private' / 'coredata.dat').exists()
    line = ['meson', 'configure', str(folder), *options] if ready else (
        ['meson', 'setup', str(folder), str(ROOT), *options])
    _run(line, env)


def introspect(folder, what):
    return json.loads(_run(['meson', 'introspect', str(folder), f'--{what}']))


def _place(target):
    return os.path.relpath(os.path.dirname(target['defined_in']), ROOT)


def _files(folder, wanted):
    return [os.path.relpath(path, folder) for target in introspect(folder, 'targets')
            if target['type'] in ('executable', 'shared library', 'static library',
                                  'shared module', 'custom') and wanted(target)
            for path in target['filename']]


def compile_all(folder):
    _run(['ninja', '-C', str(folder)])


def compile_product(folder):
    """The library, the programs and the examples, without the tests."""
    names = _files(folder, lambda target: target['build_by_default']
                   and not _place(target).startswith(TEST_FOLDERS))
    _run(['ninja', '-C', str(folder), *names])


def compile_below(folder, place):
    """What is defined below one folder of the source; true when there was something."""
    names = _files(folder, lambda target: _place(target).startswith(place))
    if names:
        _run(['ninja', '-C', str(folder), *names])
    return bool(names)


def cpus():
    return len(os.sched_getaffinity(0))


if __name__ == '__main__':
    configure(sys.argv[1])
    compile_all(sys.argv[1])
