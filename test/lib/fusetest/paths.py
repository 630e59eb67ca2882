"""Where things are: the build folder and what was built in it."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def build_dir():
    """The build folder: $FUSE_BUILD_DIR, or the one ./check and ./demo make."""
    return Path(os.environ.get('FUSE_BUILD_DIR') or ROOT / 'build' / 'gcc').resolve()


def example(name):
    """Path of a built example, whether or not it exists."""
    return build_dir() / 'example' / name


def tool(name):
    """Path of a built helper program or None; helpers stand beside the tests or in util/."""
    for folder in ('test/tools', 'util', 'test/integration', 'test'):
        path = build_dir() / folder / name
        if path.is_file():
            return path
    return None


def library_folders():
    """Where the library is found under each of its two names."""
    return [build_dir() / 'lib' / 'abi3', build_dir() / 'lib']


def has_high_level():
    """Whether the library has the high-level API."""
    return b'\0fuse_lib_help\0' in (build_dir() / 'lib' / 'libfuse3.so.4').read_bytes()


def is_ours(exe):
    """Whether an executable path (as /proc gives it) was built by us."""
    exe = exe.removesuffix(' (deleted)')
    return exe.startswith(str(build_dir()) + os.sep)
