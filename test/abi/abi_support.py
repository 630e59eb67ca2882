"""Where the sources and the recorded interface are, and how commands are run."""

import os
import pathlib
import shutil
import subprocess

import pytest

SOURCE_ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = SOURCE_ROOT / "include"
FACTS_VERSION = "3.18.2"


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


def facts_file(kind):
    """The recorded interface of libfuse 3.18.2, which is not part of this tree."""
    given = os.environ.get("FUSE_ABI_DIR")
    directory = pathlib.Path(given) if given else SOURCE_ROOT.parent / "shared" / "abi"
    path = directory / f"libfuse3-{FACTS_VERSION}.{kind}"
    if given:
        assert path.is_file(), f"FUSE_ABI_DIR has no {path.name}"
    elif not path.is_file():
        pytest.skip(f"{path.name} is not there; FUSE_ABI_DIR can say where it is")
    return path
