"""layout.c holds at every interface version, for both libraries, and what it takes its figures from is
what the recorded interfaces say."""

import sys

import pytest

from abi_support import ABI, INCLUDE, SOURCE_ROOT, need_program, recorded_interface, run

ABI3 = SOURCE_ROOT / "lib" / "abi3"


@pytest.fixture(scope="session")
def headers_3(tmp_path_factory):
    """The headers libfuse3.so.3 is compiled with."""
    directory = tmp_path_factory.mktemp("headers")
    made = run(sys.executable, ABI3 / "headers.py", ABI3 / "layout.h", *sorted(INCLUDE.glob("*.h")),
               directory)
    assert made.returncode == 0, made.stdout
    return directory


@pytest.mark.parametrize("compiler,options", [
    ("gcc", ["-std=c11"]), ("clang", ["-std=c17"]), ("g++", ["-xc++", "-std=c++11"]),
    ("clang++", ["-xc++", "-std=c++20"])])
@pytest.mark.parametrize("version", [30, 31, 35, 312, 317, 318, 319])
def test_layout(library, headers_3, tmp_path, compiler, options, version):
    program = tmp_path / "layout"
    include = INCLUDE if library.soname == "libfuse3.so.4" else headers_3
    built = run(need_program(compiler), *options, "-Wall", "-Wextra", "-pedantic", "-Werror",
                "-D_FILE_OFFSET_BITS=64", f"-DFUSE_USE_VERSION={version}",
                f'-DFACTS="{library.layout}"', f"-I{include}", ABI / "layout.c", "-o", program)
    assert built.returncode == 0, built.stdout
    result = run(program)
    if result.returncode == 77:
        pytest.skip(result.stdout.strip())
    assert result.returncode == 0, result.stdout


def test_facts_are_those_recorded(library):
    recorded = recorded_interface(library.recorded)
    made = run(sys.executable, ABI / "make_facts.py", recorded)
    assert made.stdout == library.layout.read_text()
    symbols = recorded_interface(library.recorded, "symbols")
    assert symbols.read_text() == library.symbols.read_text()
