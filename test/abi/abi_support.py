"""Where the sources and the recorded interface are, and how commands are run."""

import os
import pathlib
import shutil
import subprocess

import pytest

SOURCE_ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = SOURCE_ROOT / "include"
ABI = SOURCE_ROOT / "test" / "abi"


class Library:
    """One of the libraries: its version script, and the libfuse whose interface it has, of which
    `facts` tell."""

    def __init__(self, soname, script, recorded, without_default=()):
        self.soname, self.recorded = soname, recorded
        self.script = SOURCE_ROOT / "lib" / script
        self.symbols = ABI / "facts" / f"symbols-{recorded}"
        self.layout = ABI / "facts" / f"layout-{recorded}.h"
        # Names of which no version is for programs linked now.
        self.without_default = set(without_default)

    def built(self, build_dir):
        # Tests build others of this name, in folders of their own.
        found = sorted({path.resolve() for path in (build_dir / "lib").rglob(self.soname)})
        assert len(found) == 1, f"expected one {self.soname} in {build_dir}, found {found}"
        return found[0]


LIBRARIES = {library.soname: library for library in (
    Library("libfuse3.so.4", "libfuse3.map", "3.18.2", {"fuse_new"}),
    Library("libfuse3.so.3", "libfuse3-3.map", "3.14.0"))}


def run(*command, **options):
    """Runs a command that has a minute, and returns what became of it, output as text."""
    options.setdefault("timeout", 60)
    return subprocess.run(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False, **options)


def need_program(name):
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def recorded_interface(version, kind="abi"):
    """The whole interface of a libfuse as abidw(1) recorded it, which is not part of this tree."""
    given = os.environ.get("FUSE_ABI_DIR")
    directory = pathlib.Path(given) if given else SOURCE_ROOT.parent / "shared" / "abi"
    path = directory / f"libfuse3-{version}.{kind}"
    if given:
        assert path.is_file(), f"FUSE_ABI_DIR has no {path.name}"
    elif not path.is_file():
        pytest.skip(f"{path.name} is not there; FUSE_ABI_DIR can say where it is")
    return path
