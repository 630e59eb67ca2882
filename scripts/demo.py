"""The demonstration; run through ./demo, which sees to the packages."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import build
from demo_report import Report

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / 'test' / 'lib'))

from fusetest import connection, oracle, procs  # noqa: E402  pylint: disable=wrong-import-position
from fusetest.filesystem import Filesystem  # noqa: E402  pylint: disable=wrong-import-position
from fusetest.killer import Killer  # noqa: E402  pylint: disable=wrong-import-position
from fusetest.workloads import ALL, Runner  # noqa: E402  pylint: disable=wrong-import-position

LOOPS = {'st': ['-s'], 'mt': [], 'mt-clone': []}
KILLS_IN_A_MINUTE = 300
# Those that only need what Debian installs for them here; the others are for the tests of load.
SHOWN = ['probe', 'effects', 'fio', 'sqlite', 'git', 'tar']


def arguments():
    parser = argparse.ArgumentParser(
        prog='./demo', description='Kills the server of a mount many times a second while '
        'applications use the mount, prints what they saw, and draws it into demo.svg.')
    parser.add_argument('--seconds', type=float, default=60, help='how long (default 60)')
    parser.add_argument('--kills-per-second', type=float, default=7, help='on average (default 7)')
    parser.add_argument('--seed', type=int, default=None, help='repeats the choices of a former run')
    parser.add_argument('--loop', choices=LOOPS, default='mt',
                        help='single-threaded, multi-threaded (default), or with a cloned device '
                        'per thread')
    parser.add_argument('--writeback', action='store_true', help='with the writeback cache')
    parser.add_argument('--workloads', default=','.join(SHOWN), help='default: %(default)s')
    parser.add_argument('--folder', help='where to make the temporary folder that is mounted over')
    parser.add_argument('--build', default=str(ROOT / 'build' / 'gcc'),
                        help='build folder (default build/gcc)')
    parser.add_argument('--no-build', action='store_true', help='take the build folder as it is')
    parser.add_argument('--svg', default=str(ROOT / 'demo.svg'), help='default: demo.svg')
    args = parser.parse_args()
    args.names = [name for name in args.workloads.split(',') if name]
    unknown = [name for name in args.names if name not in ALL]
    if unknown:
        parser.error(f'no such workload: {", ".join(unknown)}')
    if 'probe' not in args.names:
        args.names.insert(0, 'probe')
    if args.seed is None:
        args.seed = int.from_bytes(os.urandom(3), 'big')
    return args


def make_filesystem(args, work):
    options = ['clone_fd'] if args.loop == 'mt-clone' else []
    options += ['writeback'] if args.writeback else []
    fs = Filesystem('passthrough_ll', options, ['-f', *LOOPS[args.loop]], work=work)
    return fs


def first_restart(fs):
    """One kill of the idle mount; what a successor that does nothing has open is the measure for
    descriptors at the end."""
    fs.recover()
    return settle(fs)


def settle(fs, seconds=20):
    """Lets the kernel forget what nobody uses, waits until the server has been told, and returns
    what is then still held: the server's open files and the library's figures."""
    seen, same, end = None, 0, time.monotonic() + seconds
    while time.monotonic() < end and same < 5:
        Path('/proc/sys/vm/drop_caches').write_text('3')
        connection.drop_unused(fs.mnt)
        time.sleep(0.1)
        figures = fs.figures()
        now = (len(procs.open_files(fs.server())),
               figures and (figures.get('nodes'), figures.get('handles')))
        same, seen = (same + 1 if now == seen else 0), now
    return {'files': seen[0], 'descriptors': procs.fd_count(fs.server()), 'figures': fs.figures()}


def run_load(args, fs, work):
    killer = Killer(fs, args.kills_per_second, args.seed)
    runner = Runner(fs.mnt, work / 'workloads', args.names, args.seconds, args.seed)
    try:
        killer.start()
        while runner.seconds_left() > 0:
            done = 1 - runner.seconds_left() / args.seconds
            if sys.stdout.isatty():
                print(f'\r{done:4.0%}  {len(killer.kills)} kills ', end='', flush=True)
            time.sleep(min(0.5, max(0, runner.seconds_left())))
        if sys.stdout.isatty():
            print('\r', end='')
        killer.stop()
        return killer, runner.wait(), runner.start_ns
    finally:
        killer.stop()
        runner.cancel()


def demonstrate(args, work, report):
    fs = make_filesystem(args, work)
    try:
        fs.start()
        fs.keeper()
        before = first_restart(fs)
        killer, records, start = run_load(args, fs, work)
        report.load(killer, records, start, args.seconds)
        # What the applications left, seen through the mount and below it.
        with connection.Watchdog(fs.mnt, 60):
            report.trees(oracle.differences(str(fs.src), str(fs.mnt)))
            for name in args.names:
                subprocess.run(['rm', '-rf', str(fs.mnt / name)], timeout=60, check=False,
                               stderr=subprocess.DEVNULL)
        report.held(before, settle(fs))
        report.server_log(fs.log())
        report.left(fs.unmount(), fs.leftovers(), fs.log())
    finally:
        fs.stop()


def main():
    args = arguments()
    if os.geteuid() != 0:
        sys.exit('./demo mounts, and drops the caches to compare counts: run it as root')
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if not args.no_build:
        try:
            build.configure(args.build)
            build.compile_product(args.build)
        except build.BuildError as error:
            sys.exit(f'the build failed:\n{error}')
    os.environ['FUSE_BUILD_DIR'] = args.build
    procs.raise_file_limit()
    base = args.folder or ('/dev/shm' if os.access('/dev/shm', os.W_OK) else None)
    work = Path(tempfile.mkdtemp(prefix='demo.', dir=base))
    mode = {'st': 'single-threaded', 'mt': 'multi-threaded', 'mt-clone': 'multi-threaded, clone_fd'}
    print(f'passthrough_ll, {mode[args.loop]}, writeback cache '
          f'{"on" if args.writeback else "off"}; {args.seconds:g} s, about '
          f'{args.kills_per_second:g} kills a second, --seed {args.seed}', flush=True)
    wanted = int(KILLS_IN_A_MINUTE * min(args.seconds / 60, args.kills_per_second / 7))
    report = Report(wanted)
    try:
        demonstrate(args, work, report)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        report.fail(f'the demonstration ended early: {error}')
    finally:
        shutil.rmtree(work, ignore_errors=True)
    report.draw(args.svg)
    return report.verdict()


if __name__ == '__main__':
    sys.exit(main())
