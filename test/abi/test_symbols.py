"""The built libfuse3.so.4 exports what the version script says and nothing else, needs libc alone,
and is what programs linked with libfuse 3.18.2 expect."""

import re

import pytest

from abi_support import SOURCE_ROOT, facts_file, need_program, run

MAP = SOURCE_ROOT / "lib" / "libfuse3.map"
NOT_BUILT_YET = SOURCE_ROOT / "test" / "abi" / "not_built_yet.suppr"
OPAQUE_TYPES = SOURCE_ROOT / "test" / "abi" / "opaque_types.suppr"
# Names of which no version is for programs linked now.
WITHOUT_DEFAULT = {"fuse_new"}


def mapped_symbols():
    """The version script as the set of what nm -D shows: name@@VERSION, or name@VERSION for those
    that only programs linked long ago ask for."""
    text = re.sub(r"#.*", "", MAP.read_text())
    versions_of = {}
    for version, body in re.findall(r"(\S+)\s*\{(.*?)\}", text, re.S):
        exported = body.split("local:")[0].replace("global:", "")
        for name in re.findall(r"(\w+);", exported):
            versions_of.setdefault(name, []).append(version)
    symbols = set()
    for name, versions in versions_of.items():
        symbols.update(f"{name}@{version}" for version in versions[:-1])
        separator = "@" if name in WITHOUT_DEFAULT else "@@"
        symbols.add(f"{name}{separator}{versions[-1]}")
    return symbols


def mapped_versions():
    return set(re.findall(r"^(\S+)\s*\{", MAP.read_text(), re.M))


def built_symbols(library):
    """Symbols, and the versions that nm shows as symbols of their own."""
    listing = run(need_program("nm"), "-D", "--defined-only", library)
    assert listing.returncode == 0, listing.stdout
    symbols, versions = set(), set()
    for line in listing.stdout.splitlines():
        kind, name = line.split()[-2:]
        (versions if kind == "A" else symbols).add(name)
    return symbols, versions


def recorded_symbols():
    return {line for line in facts_file("symbols").read_text().split() if "@" in line}


def not_built_yet():
    named = re.findall(r"^\s*(?:symbol_name_regexp|name) = (.+)$", NOT_BUILT_YET.read_text(), re.M)
    return {name for names in named for name in re.findall(r"\w+", names)}


def test_map_hides_the_rest():
    assert re.search(r"local:\s*\*;\s*\}[^{}]*\Z", MAP.read_text())


def test_soname_and_needs(library):
    dynamic = run(need_program("readelf"), "-dW", library).stdout
    assert re.findall(r"\(SONAME\).*\[(.+)\]", dynamic) == ["libfuse3.so.4"]
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic))
    assert {name for name in needed if not name.startswith("ld-linux")} == {"libc.so.6"}
    assert not re.search(r"\(TEXTREL\)|\(RPATH\)|\(RUNPATH\)", dynamic)


def test_exports_equal_the_map(library):
    symbols, versions = built_symbols(library)
    expected = mapped_symbols()
    assert expected - symbols == set(), "in the map and not in the library"
    assert symbols - expected == set(), "in the library and not in the map"
    assert versions <= mapped_versions() | {"libfuse3.so.4"}


def test_every_version_is_defined(library):
    """Programs ask for a version as well as for a name, so each must be there, even empty."""
    defined = run(need_program("readelf"), "-VW", library).stdout
    definitions = defined.split("Version definition section")[1].split("Version needs section")[0]
    assert set(re.findall(r"Name: (FUSE_\S+)", definitions)) == mapped_versions()


def test_recorded_symbols_are_exported(library):
    symbols, _ = built_symbols(library)
    expected = {symbol for symbol in recorded_symbols()
                if symbol.split("@")[0] not in not_built_yet()}
    assert len(expected) > 100
    assert expected - symbols == set()


def test_recorded_versions_are_in_the_map():
    recorded = {line for line in facts_file("symbols").read_text().split() if "@" not in line}
    assert recorded - mapped_versions() == set()


def test_not_built_yet_is_up_to_date():
    mapped = {symbol.split("@")[0] for symbol in mapped_symbols()}
    assert not_built_yet() & mapped == set(), "built now: take them out of not_built_yet.suppr"
    recorded = {symbol.split("@")[0] for symbol in recorded_symbols()}
    assert recorded == not_built_yet() | (mapped & recorded)


def test_nothing_removed_or_changed(library):
    sections = run(need_program("readelf"), "-SW", library).stdout
    if ".debug_info" not in sections:
        pytest.skip("without debug information only names could be compared")
    result = run(need_program("abidiff"), "--no-added-syms", "--suppressions", NOT_BUILT_YET,
                 "--suppressions", OPAQUE_TYPES, facts_file("abi"), library, timeout=300)
    # Bits of the exit status: 1 error, 2 wrong usage, 4 something changed, 8 incompatibly.
    assert result.returncode == 0, result.stdout
