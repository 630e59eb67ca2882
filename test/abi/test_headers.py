"""The public headers compile alone, in every language they promise, at every interface version,
and a call reaches the generation of a function that the version asks for."""

import re

import pytest

from abi_support import INCLUDE, need_program, run

HEADERS = sorted(path.name for path in INCLUDE.glob("*.h"))
NEED_VERSION = {"cuse_lowlevel.h", "fuse.h", "fuse_common.h", "fuse_lowlevel.h"}
VERSIONS = ["30", "31", "32", "34", "35", "312", "314", "317", "318", "319",
            "FUSE_MAKE_VERSION(3,12)"]
STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-D_FILE_OFFSET_BITS=64", f"-I{INCLUDE}"]
LANGUAGES = [
    (compiler, "c", standard) for compiler in ("gcc", "clang")
    for standard in ("c99", "c11", "c17", "gnu11")
] + [
    (compiler, "c++", standard) for compiler in ("g++", "clang++")
    for standard in ("c++11", "c++17", "c++20")
]


def compile_text(compiler, language, standard, text, *options):
    return run(need_program(compiler), "-x", language, f"-std={standard}", *STRICT, *options, "-",
               input=text.rstrip(" "))


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("compiler,language,standard", LANGUAGES)
def test_header_alone(compiler, language, standard, header):
    # Twice, because a header may be included again; and something after it, because an empty
    # translation unit is an error of its own.
    text = f'#include "{header}"\n#include <{header}>\ntypedef int something;\n'
    for version in VERSIONS:
        result = compile_text(compiler, language, standard, text, "-fsyntax-only",
                              f"-DFUSE_USE_VERSION={version}")
        assert result.returncode == 0, f"FUSE_USE_VERSION {version}:\n{result.stdout}"


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("options,complaint", [
    ([], "Define FUSE_USE_VERSION"),
    (["-DFUSE_USE_VERSION=29"], "must be 30 or greater"),
])
def test_version_is_asked_for(header, options, complaint):
    result = compile_text("gcc", "c", "c11", f'#include "{header}"\ntypedef int something;\n',
                          "-fsyntax-only", *options)
    if header in NEED_VERSION:
        assert result.returncode != 0 and complaint in result.stdout, result.stdout
    else:
        assert result.returncode == 0, result.stdout


def test_narrow_offsets_are_refused():
    # Without a 32-bit C library only the preprocessor can be asked; undefining what says "64 bits"
    # makes it take the branch of a 32-bit machine.
    text = '#include "fuse_lowlevel.h"\n'
    narrow = run(need_program("gcc"), "-E", "-x", "c", f"-I{INCLUDE}", "-DFUSE_USE_VERSION=318",
                 "-U__LP64__", "-U_FILE_OFFSET_BITS", "-", input=text)
    assert "-D_FILE_OFFSET_BITS=64" in narrow.stdout and "#error" in narrow.stdout


CALLS = """
#include "fuse_lowlevel.h"
void calls(struct fuse_args *args, struct fuse_session *se, struct fuse_loop_config *config);
void calls(struct fuse_args *args, struct fuse_session *se, struct fuse_loop_config *config) {
  struct fuse_lowlevel_ops ops;
  struct fuse_custom_io io;
  struct fuse_cmdline_opts opts;
  fuse_session_new(args, &ops, sizeof(ops), NULL);
  fuse_parse_cmdline(args, &opts);
  fuse_session_custom_io(se, &io, 0);
#if FUSE_USE_VERSION >= 317
  fuse_session_custom_io(se, &io, sizeof(io), 0);
#endif
#if FUSE_USE_VERSION < 32
  fuse_session_loop_mt(se, config != NULL);
#else
  fuse_session_loop_mt(se, config);
#endif
}
"""


@pytest.mark.parametrize("compiler,language,standard", [("gcc", "c", "c99"), ("g++", "c++", "c++11")])
@pytest.mark.parametrize("version,loop_mt,custom_io", [
    (30, "fuse_session_loop_mt_31", "fuse_session_custom_io_30"),
    (31, "fuse_session_loop_mt_31", "fuse_session_custom_io_30"),
    (32, "fuse_session_loop_mt_32", "fuse_session_custom_io_30"),
    (35, "fuse_session_loop_mt_32", "fuse_session_custom_io_30"),
    (312, "fuse_session_loop_mt", "fuse_session_custom_io_30"),
    (314, "fuse_session_loop_mt", "fuse_session_custom_io_30"),
    (317, "fuse_session_loop_mt", "fuse_session_custom_io_317"),
    (318, "fuse_session_loop_mt", "fuse_session_custom_io_317"),
])
def test_call_reaches_generation(tmp_path, compiler, language, standard, version, loop_mt,
                                 custom_io):
    unit = tmp_path / "calls.o"
    result = compile_text(compiler, language, standard, CALLS, "-O1", "-Wno-uninitialized",
                          "-Wno-maybe-uninitialized", f"-DFUSE_USE_VERSION={version}", "-c", "-o",
                          unit)
    assert result.returncode == 0, result.stdout
    symbols = run(need_program("nm"), "-u", unit).stdout.split()
    called = {symbol for symbol in symbols if symbol.startswith("fuse_")}
    assert called == {"fuse_session_new_versioned", "fuse_parse_cmdline", loop_mt, custom_io}


HIGH_LEVEL_CALLS = """
#include "fuse.h"
void calls(int argc, char **argv, struct fuse_args *args, struct fuse *f,
           struct fuse_loop_config *config);
void calls(int argc, char **argv, struct fuse_args *args, struct fuse *f,
           struct fuse_loop_config *config) {
  struct fuse_operations ops;
  fuse_main(argc, argv, &ops, NULL);
  fuse_new(args, &ops, sizeof(ops), NULL);
#if FUSE_USE_VERSION < 32
  fuse_loop_mt(f, config != NULL);
#else
  fuse_loop_mt(f, config);
#endif
}
"""


@pytest.mark.parametrize("compiler,language,standard", [("gcc", "c", "c99"), ("g++", "c++", "c++11")])
@pytest.mark.parametrize("version,new,loop_mt", [
    (30, "_fuse_new_30", "fuse_loop_mt_31"), (31, "_fuse_new_31", "fuse_loop_mt_31"),
    (32, "_fuse_new_31", "fuse_loop_mt_32"), (35, "_fuse_new_31", "fuse_loop_mt_32"),
    (312, "_fuse_new_31", "fuse_loop_mt"), (318, "_fuse_new_31", "fuse_loop_mt"),
])
def test_high_level_call_reaches_generation(tmp_path, compiler, language, standard, version, new,
                                            loop_mt):
    unit = tmp_path / "calls.o"
    result = compile_text(compiler, language, standard, HIGH_LEVEL_CALLS, "-O1", "-Wno-uninitialized",
                          "-Wno-maybe-uninitialized", f"-DFUSE_USE_VERSION={version}", "-c", "-o",
                          unit)
    assert result.returncode == 0, result.stdout
    symbols = run(need_program("nm"), "-u", unit).stdout.split()
    called = {symbol for symbol in symbols if "fuse_" in symbol}
    assert called == {"fuse_main_real_versioned", new, loop_mt}


def test_module_is_registered_by_name(tmp_path):
    unit = tmp_path / "module.o"
    result = compile_text("gcc", "c", "c11", """
        #include <stddef.h>
        #include "fuse.h"
        static struct fuse_fs *make(struct fuse_args *args, struct fuse_fs *fs[]) {
          return args != NULL ? fs[0] : NULL;
        }
        FUSE_REGISTER_MODULE(thing, make);
        """, "-DFUSE_USE_VERSION=318", "-c", "-o", unit)
    assert result.returncode == 0, result.stdout
    symbols = run(need_program("nm"), "--defined-only", unit).stdout
    assert re.search(r" [DR] fuse_module_thing_factory$", symbols, re.M)


@pytest.mark.parametrize("version,accepted,refused", [
    (30, "int", "unsigned int"), (34, "int", "unsigned int"), (35, "unsigned int", "int"),
    (318, "unsigned int", "int")])
def test_type_of_ioctl_command(version, accepted, refused):
    def compile_with(command_type):
        return compile_text("g++", "c++", "c++17", f"""
            #include "fuse_lowlevel.h"
            void on_ioctl(fuse_req_t, fuse_ino_t, {command_type}, void *, fuse_file_info *,
                          unsigned int, const void *, size_t, size_t);
            void use(fuse_lowlevel_ops *ops);
            void use(fuse_lowlevel_ops *ops) {{ ops->ioctl = on_ioctl; }}
            """, "-fsyntax-only", f"-DFUSE_USE_VERSION={version}")
    result = compile_with(accepted)
    assert result.returncode == 0, result.stdout
    assert "invalid conversion" in compile_with(refused).stdout


@pytest.mark.parametrize("compiler,language,standard", LANGUAGES)
def test_initializers(compiler, language, standard):
    text = """
        #include <stddef.h>
        #include "fuse_lowlevel.h"
        int use(int argc, char **argv, int size);
        int use(int argc, char **argv, int size) {
          struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
          static const struct fuse_opt opts[] = {FUSE_OPT_KEY("-x", 7), FUSE_OPT_END};
          struct fuse_bufvec data = FUSE_BUFVEC_INIT((size_t)size);
          data.buf[0].flags = FUSE_BUF_IS_FD;
          return args.argc + opts[0].value + (int)data.count;
        }
        """
    result = compile_text(compiler, language, standard, text, "-fsyntax-only",
                          "-DFUSE_USE_VERSION=318")
    assert result.returncode == 0, result.stdout


def macros_of(include):
    text = ('#define FUSE_USE_VERSION 312\n#include "fuse_lowlevel.h"\n')
    dump = run(need_program("gcc"), "-E", "-dM", "-x", "c", "-D_FILE_OFFSET_BITS=64",
               f"-I{include}", "-", input=text).stdout
    return re.findall(r"^#define (FUSE_(?:CAP|SET_ATTR|IOCTL|OPT_KEY|ROOT)_\w+) (.+)$", dump, re.M)


def test_macros_keep_values_of_installed_libfuse():
    """Every constant that an installed libfuse has is here, with the same value."""
    installed = "/usr/include/fuse3"
    theirs = macros_of(installed)
    if not theirs:
        pytest.skip(f"no libfuse headers in {installed}")
    checks = "".join(f'static_assert((unsigned long long)({name}) == (unsigned long long)({value}),'
                     f' "{name}");\n' for name, value in theirs)
    result = compile_text("g++", "c++", "c++17", f'#include "fuse_lowlevel.h"\n{checks}',
                          "-fsyntax-only", "-DFUSE_USE_VERSION=318")
    assert result.returncode == 0, result.stdout
