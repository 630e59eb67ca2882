"""layout.c holds at every interface version, and leaves out nothing that the recorded interface
has."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from abi_support import INCLUDE, SOURCE_ROOT, facts_file, need_program, run

LAYOUT = SOURCE_ROOT / "test" / "abi" / "layout.c"
PUBLIC = {
    "fuse_opt", "fuse_args", "libfuse_version", "fuse_file_info", "fuse_loop_config_v1",
    "fuse_conn_info", "fuse_buf", "fuse_bufvec", "fuse_entry_param", "fuse_ctx",
    "fuse_forget_data", "fuse_custom_io", "fuse_lowlevel_ops", "fuse_cmdline_opts",
    "fuse_operations", "fuse_config", "fuse_context",
}


@pytest.mark.parametrize("compiler,options", [
    ("gcc", ["-std=c11"]), ("clang", ["-std=c17"]), ("g++", ["-xc++", "-std=c++11"]),
    ("clang++", ["-xc++", "-std=c++20"])])
@pytest.mark.parametrize("version", [30, 32, 35, 312, 317, 318, 319])
def test_layout(tmp_path, compiler, options, version):
    program = tmp_path / "layout"
    built = run(need_program(compiler), *options, "-Wall", "-Wextra", "-pedantic", "-Werror",
                "-D_FILE_OFFSET_BITS=64", f"-DFUSE_USE_VERSION={version}", f"-I{INCLUDE}", LAYOUT,
                "-o", program)
    assert built.returncode == 0, built.stdout
    result = run(program)
    if result.returncode == 77:
        pytest.skip(result.stdout.strip())
    assert result.returncode == 0, result.stdout


def test_layout_is_complete():
    asserted = set()
    for kind, struct, field, position in re.findall(
            r"\b(FIELD|BITS)\((\w+), (\w+), (\d+), \d+\)", LAYOUT.read_text()):
        asserted.add((struct, field, int(position) * (8 if kind == "FIELD" else 1)))
    sizes = set(re.findall(r"\bSIZE\((\w+), (\d+)\)", LAYOUT.read_text()))

    recorded, recorded_sizes = set(), set()
    for struct in ElementTree.parse(facts_file("abi")).getroot().iter("class-decl"):
        members = struct.findall("data-member")
        if struct.get("name") not in PUBLIC or not members:
            continue
        recorded_sizes.add((struct.get("name"), str(int(struct.get("size-in-bits")) // 8)))
        for member in members:
            recorded.add((struct.get("name"), member.find("var-decl").get("name"),
                          int(member.get("layout-offset-in-bits"))))
    assert {name for name, _ in recorded_sizes} == PUBLIC
    assert recorded - asserted == set()
    assert recorded_sizes - sizes == set()
