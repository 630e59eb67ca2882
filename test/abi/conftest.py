"""The built library, which FUSE_BUILD_DIR leads to."""

import os
import pathlib

import pytest

from abi_support import LIBRARIES


@pytest.fixture(scope="session")
def build_dir():
    given = os.environ.get("FUSE_BUILD_DIR")
    if not given:
        pytest.skip("FUSE_BUILD_DIR does not say where the library was built")
    path = pathlib.Path(given).resolve()
    assert path.is_dir(), f"FUSE_BUILD_DIR: no directory {path}"
    return path


@pytest.fixture(params=LIBRARIES.values(), ids=list(LIBRARIES))
def library(request):
    return request.param


@pytest.fixture
def built(library, build_dir):
    """The file of `library`."""
    return library.built(build_dir)
