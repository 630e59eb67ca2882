"""The built library, which FUSE_BUILD_DIR leads to."""

import os
import pathlib

import pytest


@pytest.fixture(scope="session")
def build_dir():
    given = os.environ.get("FUSE_BUILD_DIR")
    if not given:
        pytest.skip("FUSE_BUILD_DIR does not say where the library was built")
    path = pathlib.Path(given).resolve()
    assert path.is_dir(), f"FUSE_BUILD_DIR: no directory {path}"
    return path


@pytest.fixture(scope="session")
def library(build_dir):
    found = sorted({path.resolve() for path in build_dir.rglob("libfuse3.so.4")})
    assert len(found) == 1, f"expected one libfuse3.so.4 in {build_dir}, found {found}"
    return found[0]
