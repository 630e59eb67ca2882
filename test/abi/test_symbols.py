"""Each built library exports what its version script says and nothing else, needs libc alone, and is
what programs linked with the libfuse of its name expect."""

import re

import pytest

from abi_support import ABI, need_program, recorded_interface, run

OPAQUE_TYPES = ABI / "opaque_types.suppr"
OUR_NODE = "FUSE_RECONNECT_1.0"


def mapped_symbols(library):
    """The version script as the set of what nm -D shows: name@@VERSION, or name@VERSION for those
    that only programs linked long ago ask for."""
    text = re.sub(r"#.*", "", library.script.read_text())
    versions_of = {}
    for version, body in re.findall(r"(\S+)\s*\{(.*?)\}", text, re.S):
        exported = body.split("local:")[0].replace("global:", "")
        for name in re.findall(r"(\w+);", exported):
            versions_of.setdefault(name, []).append(version)
    symbols = set()
    for name, versions in versions_of.items():
        symbols.update(f"{name}@{version}" for version in versions[:-1])
        separator = "@" if name in library.without_default else "@@"
        symbols.add(f"{name}{separator}{versions[-1]}")
    return symbols


def mapped_versions(library):
    return set(re.findall(r"^(\S+)\s*\{", library.script.read_text(), re.M))


def built_symbols(built):
    """Symbols, and the versions that nm shows as symbols of their own."""
    listing = run(need_program("nm"), "-D", "--defined-only", built)
    assert listing.returncode == 0, listing.stdout
    symbols, versions = set(), set()
    for line in listing.stdout.splitlines():
        kind, name = line.split()[-2:]
        (versions if kind == "A" else symbols).add(name)
    return symbols, versions


def recorded_symbols(library):
    return {line for line in library.symbols.read_text().split() if "@" in line}


def test_map_hides_the_rest(library):
    assert re.search(r"local:\s*\*;\s*\}[^{}]*\Z", library.script.read_text())


def test_soname_and_needs(library, built):
    dynamic = run(need_program("readelf"), "-dW", built).stdout
    assert re.findall(r"\(SONAME\).*\[(.+)\]", dynamic) == [library.soname]
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic))
    assert {name for name in needed if not name.startswith("ld-linux")} == {"libc.so.6"}
    assert not re.search(r"\(TEXTREL\)|\(RPATH\)|\(RUNPATH\)", dynamic)


def test_exports_equal_the_map(library, built):
    symbols, versions = built_symbols(built)
    expected = mapped_symbols(library)
    assert expected - symbols == set(), "in the map and not in the library"
    assert symbols - expected == set(), "in the library and not in the map"
    assert versions <= mapped_versions(library) | {library.soname}


def test_every_version_is_defined(library, built):
    """Programs ask for a version as well as for a name, so each must be there, even empty."""
    defined = run(need_program("readelf"), "-VW", built).stdout
    definitions = defined.split("Version definition section")[1].split("Version needs section")[0]
    assert set(re.findall(r"Name: (FUSE_\S+)", definitions)) == mapped_versions(library)


def test_symbols_are_those_recorded(library, built):
    """Nothing is missing, and what is more stands under a version of our own."""
    symbols, _ = built_symbols(built)
    recorded = recorded_symbols(library)
    assert len(recorded) > 150
    assert recorded - symbols == set()
    assert {symbol.split("@")[-1] for symbol in symbols - recorded} == {OUR_NODE}


def test_recorded_versions_are_in_the_map(library):
    recorded = {line for line in library.symbols.read_text().split() if "@" not in line}
    assert recorded - mapped_versions(library) == set()


def test_nothing_removed_or_changed(library, built):
    sections = run(need_program("readelf"), "-SW", built).stdout
    if ".debug_info" not in sections:
        pytest.skip("without debug information only names could be compared")
    result = run(need_program("abidiff"), "--no-added-syms", "--suppressions", OPAQUE_TYPES,
                 recorded_interface(library.recorded), built, timeout=300)
    # Bits of the exit status: 1 error, 2 wrong usage, 4 something changed, 8 incompatibly.
    assert result.returncode == 0, result.stdout
