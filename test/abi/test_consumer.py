"""Programs build with nothing but what is installed and what pkg-config says, and run."""

import contextlib
import os
import pathlib
import re
import subprocess
import time

import pytest

from abi_support import INCLUDE, SOURCE_ROOT, need_program, run

CONSUMER = SOURCE_ROOT / "test" / "abi" / "consumer"
VERSION = re.search(r"version: '([\d.]+)'", (SOURCE_ROOT / "meson.build").read_text()).group(1)
PROGRAMS = [("gcc", "-std=c11", "hello.c"), ("clang", "-std=gnu17", "hello.c"),
            ("g++", "-std=c++11", "hello.cc"), ("clang++", "-std=c++20", "hello.cc")]


class Installed:
    """The library in a directory of its own, as `meson install` leaves it."""

    def __init__(self, root):
        self.root = root
        descriptions = list(root.rglob("fuse3.pc"))
        assert len(descriptions) == 1, descriptions
        self.description = descriptions[0]

    def pkg_config(self, *arguments):
        environment = dict(os.environ, PKG_CONFIG_SYSROOT_DIR=str(self.root),
                           PKG_CONFIG_LIBDIR=str(self.description.parent), PKG_CONFIG_PATH="")
        result = run(need_program("pkg-config"), *arguments, "fuse3", env=environment)
        assert result.returncode == 0, result.stdout
        return result.stdout.split()

    @property
    def library_dir(self):
        return self.description.parent.parent

    def environment(self):
        return dict(os.environ, LD_LIBRARY_PATH=str(self.library_dir))

    def compile(self, compiler, standard, source, program, *options, static=False):
        flags = self.pkg_config("--cflags")
        libraries = self.pkg_config("--static", "--libs") if static else self.pkg_config("--libs")
        if static:
            libraries = [flag if flag != "-lfuse3" else "-l:libfuse3.a" for flag in libraries]
        result = run(need_program(compiler), standard, "-Wall", "-Wextra", "-pedantic", "-Werror",
                     "-DFUSE_USE_VERSION=318", *options, *flags, CONSUMER / source, "-o", program,
                     *libraries)
        assert result.returncode == 0, result.stdout


@pytest.fixture(scope="module")
def installed(build_dir, tmp_path_factory):
    root = tmp_path_factory.mktemp("installed")
    result = run(need_program("meson"), "install", "-C", build_dir, "--no-rebuild", "--destdir", root,
                 timeout=120)
    assert result.returncode == 0, result.stdout
    return Installed(root)


def test_headers_are_installed(installed):
    found = {path.name for path in installed.root.rglob("include/fuse3/*")}
    assert found == {path.name for path in INCLUDE.glob("*.h")}


def test_description(installed):
    def tell(*arguments):
        return " ".join(installed.pkg_config(*arguments)).replace(str(installed.root), "")

    assert tell("--modversion") == VERSION
    prefix = tell("--variable=prefix")
    assert tell("--variable=includedir") == f"{prefix}/include"
    assert tell("--variable=libdir").startswith(f"{prefix}/lib")
    assert tell("--cflags-only-I") == f"-I{prefix}/include/fuse3"
    assert "-lfuse3" in installed.pkg_config("--libs")


@pytest.mark.parametrize("compiler,standard,source", PROGRAMS)
def test_program_runs(installed, tmp_path, compiler, standard, source):
    program = tmp_path / "hello"
    installed.compile(compiler, standard, source, program)
    needed = run(need_program("readelf"), "-dW", program).stdout
    assert "[libfuse3.so.4]" in needed
    result = run(program, "--version", env=installed.environment())
    major, minor, _ = VERSION.split(".")
    assert (result.returncode, result.stdout) == (0, f"{major}{int(minor):02} {VERSION}\n")


def test_program_runs_with_static_library(installed, tmp_path):
    if not list(installed.root.rglob("libfuse3.a")):
        pytest.skip("no static library was built")
    program = tmp_path / "hello"
    installed.compile("gcc", "-std=c11", "hello.c", program, static=True)
    assert "libfuse3" not in run(need_program("readelf"), "-dW", program).stdout
    assert run(program, "--version").returncode == 0


@pytest.mark.parametrize("static", [False, True])
def test_program_of_paths_runs(installed, tmp_path, static):
    if static and not list(installed.root.rglob("libfuse3.a")):
        pytest.skip("no static library was built")
    program = tmp_path / "paths"
    installed.compile("gcc", "-std=gnu11", "paths.c", program, static=static)
    result = run(program, "--help", env=installed.environment())
    assert result.returncode == 0 and "-o subdir=DIR" in result.stdout
    assert run(program, env=installed.environment()).returncode == 2, "no mountpoint"


def is_mount(path):
    return any(line.split()[4] == str(path)
               for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines())


def connection_of(path):
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[4] == str(path):
            return fields[2].split(":")[1]
    return None


@contextlib.contextmanager
def mounted(installed, program, mountpoint):
    """Serves `mountpoint` in the foreground, and leaves neither mount nor process behind."""
    with subprocess.Popen([program, "-f", mountpoint], env=installed.environment()) as server:
        try:
            deadline = time.monotonic() + 10
            while not is_mount(mountpoint):
                assert server.poll() is None, f"ended with {server.returncode}"
                assert time.monotonic() < deadline, "not mounted in time"
                time.sleep(0.01)
            yield server
        finally:
            connection = connection_of(mountpoint)
            if connection is not None:
                abort = pathlib.Path(f"/sys/fs/fuse/connections/{connection}/abort")
                if abort.exists():
                    abort.write_text("1")
                run("umount", "-l", mountpoint)
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(timeout=10)


@pytest.mark.parametrize("compiler,standard,source", [PROGRAMS[0], PROGRAMS[2]])
def test_program_serves(installed, tmp_path, compiler, standard, source):
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("/dev/fuse cannot be opened")
    program, mountpoint = tmp_path / "hello", tmp_path / "mountpoint"
    mountpoint.mkdir()
    installed.compile(compiler, standard, source, program)
    with mounted(installed, program, mountpoint) as server:
        # In a process of its own, so that a server that does not answer cannot stop the test.
        result = run("cat", mountpoint / "hello", timeout=10)
        assert (result.returncode, result.stdout) == (0, "hello\n")
        assert run("cat", mountpoint / "other", timeout=10).returncode == 1
        assert run("umount", mountpoint, timeout=10).returncode == 0
        assert server.wait(timeout=10) == 0
