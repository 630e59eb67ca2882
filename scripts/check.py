"""Builds everything and runs every test; run through ./check, which sees to the packages."""

import argparse
import concurrent.futures
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import build
import kernels
from results import AllowedSkips, Suite

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / 'build'
LOGS = BUILD / 'check'
sys.path.insert(0, str(ROOT / 'test' / 'lib'))

from fusetest import connection, procs  # noqa: E402  pylint: disable=wrong-import-position

GCC = {'CC': 'gcc', 'CXX': 'g++'}
CLANG = {'CC': 'clang', 'CXX': 'clang++'}
STRICT = ['-Dwerror=true', '-Dtests=true']
SANITIZERS = {'asan': 'address,undefined', 'tsan': 'thread'}
SANITIZER_ENV = {
    'ASAN_OPTIONS': 'abort_on_error=0:exitcode=99:detect_stack_use_after_return=1',
    'UBSAN_OPTIONS': 'print_stacktrace=1:halt_on_error=1:exitcode=99',
    'TSAN_OPTIONS': 'exitcode=99:second_deadlock_stack=1',
}
# A suite that hangs must still leave time for the line with the figures.
SUITE_SECONDS = {'integration': 1500, 'integration/programs': 900, 'posix': 1200, 'abi': 600,
                 'packages': 900}
LONG_FACTOR = 10


class Check:
    """Runs suites one after the other and collects their results."""

    def __init__(self, args):
        self.args, self.suites = args, []
        self._allowed = AllowedSkips(ROOT / 'test' / 'allowed-skips')
        LOGS.mkdir(parents=True, exist_ok=True)

    def run(self, name, function):
        suite = Suite(name)
        print(f'{name} ...', flush=True)
        start = time.monotonic()
        try:
            function(suite)
        except build.BuildError as error:
            suite.add_failure('build', str(error))
        except subprocess.TimeoutExpired as error:
            suite.add_failure('time', f'no end after {error.timeout:.0f} s: {error.cmd}')
        except (OSError, ValueError, LookupError) as error:
            suite.add_failure('run', f'{type(error).__name__}: {error}')
        suite.seconds = time.monotonic() - start
        if suite.total() == 0:
            suite.add_failure('tests', 'there were none')
        self._judge_skips(suite)
        self.suites.append(suite)
        self._print(suite)
        return not suite.failed

    def _judge_skips(self, suite):
        for test, why in list(suite.skipped.items()):
            if not self._allowed.allows(suite.name, test):
                suite.add_failure(test, f'was skipped, which test/allowed-skips does not allow: {why}')

    @staticmethod
    def _print(suite):
        print(f'{suite.name}: {len(suite.passed)} passed, {len(suite.failed)} failed, '
              f'{len(suite.skipped)} skipped ({suite.seconds:.0f} s)')
        for test, why in suite.skipped.items():
            print(f'  skipped {test}: {why}')
        for test, detail in suite.failed.items():
            print(f'  FAILED {test}')
            for line in detail.splitlines()[-25:]:
                print(f'      {line[:200]}')
        sys.stdout.flush()

    def finish(self):
        passed = sum(len(suite.passed) for suite in self.suites)
        failed = sum(len(suite.failed) for suite in self.suites)
        skipped = sum(len(suite.skipped) for suite in self.suites)
        print()
        for suite in self.suites:
            print(f'  {suite.name:12} {len(suite.passed):6} passed {len(suite.failed):6} failed '
                  f'{len(suite.skipped):6} skipped {suite.seconds:8.0f} s')
        print()
        print(f'{passed} passed, {failed} failed, {skipped} skipped', flush=True)
        return 1 if failed or not passed else 0


def command(line, log, seconds, env=None, cwd=None):
    """Runs a program in a process group of its own, its output to LOGS/log; (status, output)."""
    path = LOGS / f'{log}.log'
    with open(path, 'wb') as file:
        process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=file,
                                   stderr=subprocess.STDOUT, cwd=cwd or ROOT, start_new_session=True,
                                   env=dict(os.environ, **(env or {})))
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    return status, path.read_text(errors='replace')


# -- builds ---------------------------------------------------------------------------------------

def build_all(name, env, options):
    def run(suite):
        build.configure(BUILD / name, [*STRICT, *options], env)
        build.compile_all(BUILD / name)
        suite.add_pass('everything')
    return run


def build_with_clang():
    """The product and the fuzz targets: another compiler's opinion of the tests is not worth its time."""
    build.configure(BUILD / 'clang', [*STRICT, '-Dfuzz=true'], CLANG)
    build.compile_product(BUILD / 'clang')
    build.compile_below(BUILD / 'clang', 'test/fuzz')


def build_sanitized(name):
    folder = BUILD / name
    # Only the unit tests are built with a sanitizer; -Dwerror stays with the plain builds, since
    # instrumentation makes the compiler see warnings that are not there.
    build.configure(folder, ['-Dtests=true', f'-Db_sanitize={SANITIZERS[name]}',
                             '-Db_lundef=false', '-Ddefault_library=static', '-Dbuildtype=plain',
                             '-Doptimization=1'], GCC)
    # The unit tests start the keeper.
    if not build.compile_below(folder, 'test/unit') or not build.compile_below(folder, 'util'):
        raise build.BuildError('no unit tests')


class BuildsBeside:
    """The builds that the later suites need, one after the other, beside the suites before them.

    Tests wait most of the time. The builds get most of what they leave, but not in the scheduling class
    "idle": who has a lock of the kernel there may not get a processor for seconds, and a test waits.
    """

    STEPS = {'clang': build_with_clang, 'asan': lambda: build_sanitized('asan'),
             'tsan': lambda: build_sanitized('tsan')}

    def __init__(self):
        self._thread = concurrent.futures.ThreadPoolExecutor(1, initializer=self._step_back)
        self._started = {}

    @staticmethod
    def _step_back():
        # Of this thread alone, and of the programs it starts.
        os.setpriority(os.PRIO_PROCESS, 0, 10)

    def start(self, names):
        for name in names:
            self._started[name] = self._thread.submit(self.STEPS[name])

    def wait(self, name):
        self._started[name].result()


def built_with_clang(beside):
    def run(suite):
        beside.wait('clang')
        suite.add_pass('product')
    return run


def sanitized(name, check, beside):
    def run(suite):
        beside.wait(name)
        run_meson_tests(suite, BUILD / name, 'unit', check, SANITIZER_ENV)
    return run


# -- programs that meson knows as tests -------------------------------------------------------------

def kind_of(test, folder):
    """Which suite a meson test belongs to: by where its program was built, else by its label."""
    place = os.path.relpath(test['cmd'][0], folder)
    for kind in ('unit', 'crash', 'fuzz', 'abi'):
        if place.startswith(f'test/{kind}/'):
            return kind
    labels = [label.rpartition(':')[2] for label in test.get('suite', [])]
    return next((label for label in labels if label in ('unit', 'crash', 'fuzz', 'abi')), 'other')


def meson_tests(folder, kind):
    return [test for test in build.introspect(folder, 'tests')
            if kind_of(test, folder) == kind and not any('pytest' in part for part in test['cmd'])]


def run_meson_tests(suite, folder, kind, check, env=None):
    for test in meson_tests(folder, kind):
        name = test['name'].replace(' ', '_').replace('/', '_')
        report = LOGS / f'{suite.name}.{name}.json'
        report.unlink(missing_ok=True)
        line = list(test['cmd'])
        is_gtest = kind == 'unit' or test.get('protocol') == 'gtest'
        if is_gtest:
            line.append(f'--gtest_output=json:{report}')
        full = dict(test.get('env') or {}, **(env or {}), FUSE_BUILD_DIR=str(folder))
        limit = (test.get('timeout') or 600) * 5
        if check.args.long:
            full['FUSE_TEST_LONG'] = '1'
            limit *= LONG_FACTOR
        if check.args.quick:
            full['FUSE_TEST_QUICK'] = '1'
        if check.args.seed is not None:
            full['FUSE_TEST_SEED'] = str(check.args.seed)
        try:
            status, output = command(line, f'{suite.name}.{name}', limit, full, test.get('workdir'))
        except subprocess.TimeoutExpired:
            suite.add_failure(name, f'no end after {limit} s')
            continue
        judge_program(suite, name, status, output, report if is_gtest else None)


def judge_program(suite, name, status, output, report):
    """A program's results, in whichever form it gives them; its exit status must agree."""
    before = len(suite.failed)
    known = bool(report) and suite.read_gtest(report, f'{name}: ')
    known = known or suite.read_lines(output, f'{name}: ') > 0
    if status == 77 and not known:
        suite.add_skip(name, (output.strip().splitlines() or [''])[-1])
    elif status != 0 and len(suite.failed) == before:
        suite.add_failure(name, f'ended with status {status}\n{output[-4000:]}')
    elif not known:
        suite.add_pass(name)
    for test, why in suite.skipped.items():
        if not why:
            suite.skipped[test] = gtest_skip_reason(output, test.removeprefix(f'{name}: '))


def gtest_skip_reason(output, test):
    """What GTEST_SKIP() said, which Debian's gtest leaves out of its report."""
    _, _, rest = output.partition(f'[ RUN      ] {test}\n')
    return ' '.join(rest.partition('[  SKIPPED ]')[0].split())


def fuzz(check):
    """Every fuzz target over its kept inputs; with --long also in search of new ones."""
    def run(suite):
        folder = BUILD / 'clang'
        run_meson_tests(suite, folder, 'fuzz', check)
        for program in sorted((folder / 'test' / 'fuzz').glob('**/fuzz_*')):
            if not program.is_file() or not os.access(program, os.X_OK):
                continue
            corpus = ROOT / 'test' / 'fuzz' / program.parent.name / 'corpus'
            name, inputs = program.name, [str(corpus)] if corpus.is_dir() else []
            found = LOGS / f'{name}.found'
            found.mkdir(exist_ok=True)
            for how, more in (('replay', ['-runs=0', *inputs]),
                              ('search', ['-max_total_time=300' if check.args.long else
                                          '-max_total_time=5', str(found), *inputs])):
                status, output = command(
                    [str(program), f'-artifact_prefix={LOGS}/{name}.', '-timeout=20', *more],
                    f'fuzz.{name}.{how}', 900, SANITIZER_ENV)
                if status == 0:
                    suite.add_pass(f'{name}: {how}')
                else:
                    suite.add_failure(f'{name}: {how}', output[-3000:])
    return run


# -- pytest -----------------------------------------------------------------------------------------

def pytest_folder(name, check, more=()):
    def run(suite):
        report = LOGS / f'{suite.name}.xml'
        report.unlink(missing_ok=True)
        limit = SUITE_SECONDS[name] * (LONG_FACTOR if check.args.long else 1)
        error = ''
        try:
            status, output = command(
                ['/usr/bin/python3', '-m', 'pytest', '-p', 'no:cacheprovider', '-q', '--tb=short',
                 f'--junit-xml={report}', *more, '.'], suite.name, limit,
                {'FUSE_BUILD_DIR': str(BUILD / 'gcc'), 'PYTHONDONTWRITEBYTECODE': '1'},
                ROOT / 'test' / name)
        except subprocess.TimeoutExpired:
            status, output, error = -1, '', f'no end after {limit} s'
        if not suite.read_junit(report) or (status != 0 and not suite.failed):
            suite.add_failure('pytest', error or f'status {status}\n{output[-4000:]}')
    return run


def abi(check):
    """The layout programs, which are meson's, and what pytest compares."""
    def run(suite):
        run_meson_tests(suite, BUILD / 'gcc', 'abi', check)
        pytest_folder('abi', check)(suite)
    return run


def others(check):
    def run(suite):
        run_meson_tests(suite, BUILD / 'gcc', 'other', check)
    return run


# -- the rest ---------------------------------------------------------------------------------------

def demo(check):
    """The demonstration in several modes, short."""
    seconds = '60' if check.args.long else '10'
    modes = {'st': ['--loop', 'st'], 'mt': ['--loop', 'mt'],
             'mt-clone, writeback': ['--loop', 'mt-clone', '--writeback']}
    if check.args.long:
        modes.update({'st, writeback': ['--loop', 'st', '--writeback'],
                      'mt, writeback': ['--loop', 'mt', '--writeback'],
                      'mt-clone': ['--loop', 'mt-clone']})

    def run(suite):
        for name, options in modes.items():
            log = f'demo.{"".join(c if c.isalnum() else "-" for c in name)}'
            status, output = command(
                ['/usr/bin/python3', str(ROOT / 'scripts' / 'demo.py'), '--no-build', '--build',
                 str(BUILD / 'gcc'), '--seconds', seconds, '--svg', str(LOGS / f'{log}.svg'),
                 *options], log, 600)
            if status == 0:
                suite.add_pass(name)
            else:
                suite.add_failure(name, output[-3000:])
    return run


def bench(suite):
    folder = BUILD / 'bench'
    build.configure(folder, ['-Dbench=true', '-Dtests=false', '-Dbuildtype=release'], GCC)
    build.compile_all(folder)
    status, output = command([str(ROOT / 'bench' / 'run'), '--build', str(folder), '--quick'],
                             'bench', 1200)
    print('\n'.join(output.splitlines()[-40:]))
    if status == 0:
        suite.add_pass('run')
    else:
        suite.add_failure('run', output[-3000:])


def kernel(suite):
    """Kernels of our own in user-mode Linux. Building one takes many minutes, once."""
    kernels.run(suite, command, ROOT / 'kernel', BUILD / 'gcc')


def our_mounts():
    return {mount.point for mount in connection.mounts()
            if '/fusetest.' in mount.point or '/demo.' in mount.point}


def clean(suite, before):
    """Nothing that ran above is still there."""
    ours = [f'{pid} {" ".join(procs.cmdline(pid))}' for pid in procs.all_pids()
            if procs.exe_of(pid).startswith(f'{BUILD}/')]
    for name, left in (('processes', ours), ('mounts', sorted(our_mounts() - before))):
        if left:
            suite.add_failure(name, '\n'.join(left))
        else:
            suite.add_pass(name)


def plan(check, beside):
    """The suites in the order they run: (name, function, what it is for)."""
    args = check.args
    steps = [('gcc', build_all('gcc', GCC, [])), ('unit', lambda suite: run_meson_tests(
        suite, BUILD / 'gcc', 'unit', check))]
    if any((ROOT / 'test' / 'crash').glob('**/*.cc')):
        steps.append(('crash', lambda suite: run_meson_tests(suite, BUILD / 'gcc', 'crash', check)))
    steps.append(('abi', abi(check)))
    options = [*(['--long'] if args.long else []), *(['--quick'] if args.quick else []),
               *(['--seed', str(args.seed)] if args.seed is not None else [])]
    steps.append(('integration', pytest_folder('integration', check,
                                               ['--ignore=programs', *options])))
    # Not in every run: the kernels take their time.
    if args.long or 'kernel' in (args.only or []):
        steps.append(('kernel', kernel))
    if not args.quick:
        steps += [('programs', pytest_folder('integration/programs', check, options)),
                  ('posix', pytest_folder('posix', check, options)),
                  ('packages', pytest_folder('packages', check)),
                  ('demo', demo(check)), ('clang', built_with_clang(beside)),
                  ('fuzz', fuzz(check)), ('asan', sanitized('asan', check, beside)),
                  ('tsan', sanitized('tsan', check, beside))]
    return steps


def arguments():
    parser = argparse.ArgumentParser(
        prog='./check', description='Builds everything (gcc, clang, sanitizers) and runs every test. '
        'The last line is "N passed, N failed, N skipped".')
    parser.add_argument('--quick', action='store_true',
                        help='one build, and the tests that take no time: for developers')
    parser.add_argument('--long', action='store_true', help='long campaigns, too (hours)')
    parser.add_argument('--only', action='append', metavar='SUITE', help='gcc, unit, crash, abi, '
                        'integration, kernel, programs, posix, packages, demo, clang, fuzz, asan, '
                        'tsan, bench; may be given repeatedly. kernel runs with --long or here')
    parser.add_argument('--seed', type=int, help='repeats the choices of a former run')
    return parser.parse_args()


def main():
    args = arguments()
    if os.geteuid() != 0:
        print('the tests mount: run ./check as root')
        print('0 passed, 1 failed, 0 skipped')
        return 1
    check = Check(args)
    connection.ensure_fusectl()
    before = our_mounts()
    beside = BuildsBeside()
    steps = plan(check, beside)
    steps.append(('other', others(check)))
    names = [*dict.fromkeys([name for name, _ in steps] + ['kernel', 'bench'])]
    wrong = [name for name in args.only or [] if name not in names]
    if wrong:
        sys.exit(f'no such suite: {", ".join(wrong)}; there are {", ".join(names)}')
    if args.only and 'bench' in args.only:
        steps.append(('bench', bench))
    steps = [(name, function) for name, function in steps if is_wanted(name, args.only)]
    built = True
    if steps and steps[0][0] == 'gcc':
        built = check.run(*steps.pop(0))
    beside.start([name for name, _ in steps if name in beside.STEPS])
    for name, function in steps:
        if not built and name not in beside.STEPS:
            continue
        if name == 'other' and not meson_tests(BUILD / 'gcc', 'other'):
            continue
        check.run(name, function)
    check.run('clean', lambda suite: clean(suite, before))
    return check.finish()


def is_wanted(name, only):
    """Whether a suite runs, by the names that were given; none means all. What it needs is built, too."""
    if not only or name in only:
        return True
    needed_by = {'gcc': {'unit', 'crash', 'abi', 'integration', 'kernel', 'programs', 'posix', 'demo',
                         'other'},
                 'clang': {'fuzz'}}
    return not needed_by.get(name, set()).isdisjoint(only)


if __name__ == '__main__':
    sys.exit(main())
