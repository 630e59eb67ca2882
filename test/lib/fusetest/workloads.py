"""Applications on a mount. Each runs as a process of its own until a moment, notes every call, and
says what went wrong:  python3 -m fusetest.workloads NAME --dir D --until NS --out FILE --seed N"""

import argparse
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

from . import applications
from .effects import Effects
from .recorder import Record, Recorder

# Far longer than any recovery: a program that hangs is reported, and not waited for.
COMMAND_SECONDS = 90
PROBE_PAUSE = 0.002
# On a starved machine the time may be over before a workload has begun.
PATIENCE_SECONDS = 30
# A file beside the records, once the time is to be over.
STOP = 'stop'
# What the probe does that no kernel cache can answer.
REACHES_SERVER = ('statfs', 'open', 'rename')


class Context:
    """What a workload gets: its folder on the mount, a scratch folder elsewhere, and the end."""

    def __init__(self, args):
        self.dir, self.scratch, self.until = Path(args.dir), Path(args.scratch), args.until
        self.without = [name for name in args.without.split(',') if name]
        self.stop = Path(args.out).with_name(STOP)
        self.random, self.seed, self.rec = random.Random(args.seed), args.seed, Recorder(args.out)

    def running(self, done=None):
        """Until the time is over and something is `done`, by default: noted."""
        now, done = time.monotonic_ns(), self.rec.operations if done is None else done
        if not done:
            return now < self.until + PATIENCE_SECONDS * 1e9
        return now < self.until and not self.stop.exists()

    def command(self, op, line, cwd=None, env=None, count=1):
        """Runs a program and notes it as `count` operations (0: it notes its calls itself); its
        output when it ended with 0, else None and an error."""
        start = time.monotonic_ns()
        try:
            run = subprocess.run(line, cwd=cwd, env=env, capture_output=True, text=True,
                                 errors='replace', stdin=subprocess.DEVNULL, timeout=COMMAND_SECONDS,
                                 check=False)
        except subprocess.TimeoutExpired:
            self.rec.error(f'{op}: no end after {COMMAND_SECONDS} s')
            return None
        self.rec.note(op, start, time.monotonic_ns(), count, None if count else 0)
        if run.returncode != 0:
            text = (run.stderr or run.stdout).strip().splitlines()
            self.rec.error(f'{op}: status {run.returncode}: {" / ".join(text[-3:])}')
            return None
        return run.stdout


def probe(ctx):
    """The client whose every call is timed: stat, open, read, write, rename, one after the other."""
    rec, size = ctx.rec, 4096
    names = [str(ctx.dir / 'one'), str(ctx.dir / 'two')]
    content = bytearray(ctx.random.randbytes(size))
    Path(names[0]).write_bytes(content)
    kept = os.open(names[0], os.O_RDWR)
    while ctx.running():
        rec.call('statfs', os.statvfs, ctx.dir)
        info = rec.call('stat', os.stat, names[0])
        rec.check(info is None or info.st_size == size, 'stat: wrong size')
        fd = rec.call('open', os.open, names[0], os.O_RDONLY)
        if fd is not None:
            rec.check(rec.call('read', os.pread, fd, size, 0) == bytes(content), 'read: wrong data')
            rec.call('close', os.close, fd)
        offset, piece = ctx.random.randrange(size - 16), ctx.random.randbytes(16)
        rec.check(rec.call('write', os.pwrite, kept, piece, offset) == 16, 'write: short')
        content[offset:offset + 16] = piece
        rec.call('rename', os.rename, *names)
        names.reverse()
        time.sleep(PROBE_PAUSE)
    os.close(kept)
    rec.check(Path(names[0]).read_bytes() == bytes(content), 'the file is not what was written')


def effects(ctx, workers=3):
    """Calls whose effect must happen exactly once, from several threads in folders of their own."""
    made = [Effects(str(ctx.dir / f'worker.{number}'), ctx.rec, ctx.seed + number, ctx.without)
            for number in range(workers)]

    def work(worker):
        try:
            while ctx.running():
                worker.step()
                time.sleep(0.0005)
            worker.finish()
        except Exception as error:  # pylint: disable=broad-except
            ctx.rec.error(f'effects: {type(error).__name__}: {error}')

    threads = [threading.Thread(target=work, args=(worker,)) for worker in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ctx.rec.details['appended'] = sum(worker.appended + worker.reopened for worker in made)


def fio(ctx):
    """fio writes and verifies with checksums; its own logs tell what each tenth of a second was."""
    kinds, runs = ('write', 'randwrite', 'randrw'), 0
    ctx.rec.details.update(runs=0, verify_errors=0)
    while ctx.running():
        prefix = ctx.scratch / f'fio.{runs}'
        output = ctx.scratch / f'fio.{runs}.out'
        line = ['fio', '--name=verify', f'--directory={ctx.dir}', f'--rw={kinds[runs % 3]}',
                '--bsrange=4k-64k', '--size=12m', '--ioengine=psync', '--verify=crc32c',
                '--verify_fatal=1', '--verify_state_save=0', '--do_verify=1', '--fsync=128',
                f'--randseed={ctx.seed + runs}', '--allrandrepeat=1', '--log_avg_msec=100',
                '--log_max_value=1', f'--write_iops_log={prefix}', f'--write_lat_log={prefix}',
                '--output-format=json', f'--output={output}']
        start = time.monotonic_ns()
        before = len(ctx.rec.errors)
        ctx.command('fio', line, cwd=ctx.scratch, count=0)
        end = time.monotonic_ns()
        if len(ctx.rec.errors) > before:
            ctx.rec.details['verify_errors'] += sum('verify' in text or 'crc32c' in text
                                                    for text in ctx.rec.errors[before:])
        _note_fio(ctx, prefix, output, start, end)
        for path in ctx.scratch.glob(f'fio.{runs}*'):
            path.unlink()
        runs += 1
        ctx.rec.details['runs'] = runs
        if len(ctx.rec.errors) > before:
            break
    for path in ctx.dir.iterdir():
        ctx.rec.call('unlink', path.unlink)


def _note_fio(ctx, prefix, output, start, end):
    try:
        text = output.read_text(encoding='utf-8', errors='replace')
        job = json.loads(text[text.index('{'):])['jobs'][0]
    except (OSError, ValueError, LookupError):
        ctx.rec.error('fio: no result')
        return
    ctx.rec.check(job['error'] == 0, f'fio: error {job["error"]}')
    total = job['read']['total_ios'] + job['write']['total_ios']
    worst = max(job[kind]['lat_ns']['max'] for kind in ('read', 'write'))
    windows = {}
    for kind, slot in (('iops', 0), ('lat', 1)):
        for path in prefix.parent.glob(f'{prefix.name}_{kind}.*.log'):
            for line in path.read_text().splitlines():
                fields = line.split(',')
                window = windows.setdefault(int(fields[0]) // 100, [0, 0])
                value = int(fields[1])
                window[slot] = window[slot] + value if slot == 0 else max(window[slot], value)
    weight, left = sum(window[0] for window in windows.values()), total
    for number, (rate, slowest) in sorted(windows.items()):
        count = round(total * rate / weight) if weight else 0
        count, left = min(count, left), left - min(count, left)
        at = start + number * 100_000_000
        ctx.rec.note('read or write', at, min(at + 100_000_000, end), count, slowest)
    ctx.rec.note('read or write', end, end, left, worst)


def sqlite(ctx):
    """Transactions in two databases, one with a rollback journal and one with a write-ahead log,
    against a model of the rows that were committed."""
    bases = []
    for mode in ('delete', 'wal'):
        base = sqlite3.connect(ctx.dir / f'{mode}.db', isolation_level=None, timeout=30)
        base.execute(f'pragma journal_mode={mode}')
        base.execute('create table rows (id integer primary key, value blob)')
        bases.append((mode, base, {}))
    commits = 0
    while ctx.running():
        for mode, base, model in bases:
            start = time.monotonic_ns()
            try:
                commits += _transaction(ctx, base, model)
            except sqlite3.Error as error:
                ctx.rec.error(f'sqlite {mode}: {error}')
                return
            ctx.rec.note(f'{mode} transaction', start, time.monotonic_ns())
            if commits % 50 == 0:
                _check_rows(ctx, mode, base, model)
    for mode, base, model in bases:
        _check_rows(ctx, mode, base, model)
        base.close()
        again = sqlite3.connect(ctx.dir / f'{mode}.db')
        _check_rows(ctx, mode, again, model)
        again.close()
    ctx.rec.details['commits'] = commits


def _transaction(ctx, base, model):
    """One transaction; the model takes it over only once it is committed. 1 when it was."""
    after = dict(model)
    base.execute('begin immediate')
    for _ in range(ctx.random.randrange(1, 12)):
        key = ctx.random.randrange(400)
        if ctx.random.random() < 0.2:
            base.execute('delete from rows where id = ?', (key,))
            after.pop(key, None)
        else:
            value = ctx.random.randbytes(ctx.random.randrange(10, 900))
            base.execute('insert or replace into rows values (?, ?)', (key, value))
            after[key] = value
    if ctx.random.random() < 0.1:
        base.execute('rollback')
        return 0
    base.execute('commit')
    model.clear()
    model.update(after)
    return 1


def _check_rows(ctx, mode, base, model):
    state = base.execute('pragma integrity_check').fetchone()[0]
    ctx.rec.check(state == 'ok', f'sqlite {mode}: integrity: {state}')
    rows = dict(base.execute('select id, value from rows'))
    ctx.rec.check(rows == model, f'sqlite {mode}: {len(rows)} rows, {len(model)} were committed')


def git(ctx):
    """Clones of a repository kept elsewhere, some commits in each, and git's own check of it all."""
    env = {'PATH': os.environ['PATH'], 'HOME': str(ctx.scratch), 'GIT_CONFIG_NOSYSTEM': '1',
           'GIT_AUTHOR_NAME': 'a', 'GIT_AUTHOR_EMAIL': 'a@example.org', 'GIT_COMMITTER_NAME': 'a',
           'GIT_COMMITTER_EMAIL': 'a@example.org', 'LC_ALL': 'C'}

    def run(op, *line, cwd=None):
        return ctx.command(op, ['git', '-c', 'gc.auto=0', '-c', 'safe.directory=*', *line], cwd, env)

    origin = ctx.scratch / 'origin'
    _make_repository(ctx, origin, run)
    rounds, start_count = 0, int(run('git rev-list', 'rev-list', '--count', 'HEAD', cwd=origin) or 0)
    while ctx.running():
        clone = ctx.dir / f'clone.{rounds}'
        if run('git clone', 'clone', '-q', '--no-local', str(origin), str(clone)) is None:
            break
        commits = 0
        while commits < 5 and ctx.running():
            for _ in range(5):
                (clone / f'file.{ctx.random.randrange(150)}').write_bytes(
                    ctx.random.randbytes(ctx.random.randrange(1, 9000)))
            run('git add', 'add', '-A', cwd=clone)
            run('git commit', 'commit', '-q', '-m', f'commit {commits}', cwd=clone)
            commits += 1
        run('git fsck', 'fsck', '--full', '--strict', cwd=clone)
        status = run('git status', 'status', '--porcelain', cwd=clone)
        ctx.rec.check(status == '', f'git status is not clean: {status!r}')
        count = run('git rev-list', 'rev-list', '--count', 'HEAD', cwd=clone)
        ctx.rec.check(count is not None and int(count) == start_count + commits,
                      f'git: {count} commits, should be {start_count + commits}')
        ctx.command('rm', ['rm', '-r', str(clone)])
        ctx.rec.check(not clone.exists(), 'rm -r left something')
        rounds += 1
    ctx.rec.details['clones'] = rounds


def _make_repository(ctx, origin, run):
    origin.mkdir(parents=True)
    run('git init', 'init', '-q', cwd=origin)
    for number in range(150):
        (origin / f'file.{number}').write_bytes(
            ctx.random.randbytes(ctx.random.randrange(1, 6000)))
    for number in range(4):
        (origin / f'file.{number}').write_text(f'{number}\n')
        run('git add', 'add', '-A', cwd=origin)
        run('git commit', 'commit', '-q', '-m', f'origin {number}', cwd=origin)


def tar(ctx, tree='/usr/include', limit=400):
    """Real trees copied onto the mount by tar, compared by diff, and copied back."""
    trees = _small_trees(Path(tree), limit)
    rounds = files = 0
    while ctx.running() and trees:
        source, count = ctx.random.choice(trees)
        target, back = ctx.dir / f'tree.{rounds}', ctx.scratch / 'back'
        target.mkdir()
        shutil.rmtree(back, ignore_errors=True)
        back.mkdir()
        for op, here, there in (('tar to the mount', source, target), ('tar back', target, back)):
            copy = f'set -o pipefail; tar -C "$1" -cf - . | tar -C "$2" -xf -'
            ctx.command(op, ['bash', '-c', copy, 'copy', str(here), str(there)], count=count)
            ctx.command('diff', ['diff', '-r', '--no-dereference', str(source), str(there)],
                        count=count)
        ctx.command('rm', ['rm', '-r', str(target)], count=count)
        rounds, files = rounds + 1, files + count
    ctx.rec.check(bool(trees), f'no tree to copy below {tree}')
    ctx.rec.details.update(rounds=rounds, files=files)


def _small_trees(top, limit):
    """Folders at most two levels below `top` with some files and no more than `limit`."""
    found = []
    for folder in sorted([*top.glob('*/'), *top.glob('*/*/')]):
        if folder.is_symlink() or not folder.is_dir():
            continue
        count = sum(len(files) for _, _, files in os.walk(folder))
        if 20 <= count <= limit:
            found.append((folder, count))
    return found


ALL = {'probe': probe, 'effects': effects, 'fio': fio, 'sqlite': sqlite, 'git': git, 'tar': tar,
       **applications.ALL}


class Runner:
    """Runs workloads beside each other, each below mnt/NAME, and collects their records. `without`
    names steps of "effects" that the filesystem does not have."""

    def __init__(self, mnt, work, names, seconds, seed, without=()):
        self.work, self.names = Path(work), list(names)
        self.work.mkdir(parents=True, exist_ok=True)
        self.start_ns = time.monotonic_ns()
        self.until = self.start_ns + int(seconds * 1e9)
        self._processes = {}
        env = dict(os.environ, PYTHONPATH=str(Path(__file__).resolve().parents[1]))
        for number, name in enumerate(self.names):
            folder, scratch = Path(mnt) / name, self.work / f'{name}.scratch'
            folder.mkdir()
            scratch.mkdir()
            line = [sys.executable, '-m', 'fusetest.workloads', name, '--dir', str(folder),
                    '--scratch', str(scratch), '--until', str(self.until), '--out',
                    str(self.work / name), '--seed', str(seed * 100 + number), '--without',
                    ','.join(without)]
            self._processes[name] = subprocess.Popen(
                line, env=env, stdin=subprocess.DEVNULL, stderr=open(self.work / f'{name}.err', 'wb'))

    def seconds_left(self):
        return (self.until - time.monotonic_ns()) / 1e9

    def stop(self):
        """Ends the time before its end."""
        self.until = min(self.until, time.monotonic_ns())
        (self.work / STOP).touch()

    def begun(self):
        """Each has done something or ended."""
        def one(name, process):
            out = self.work / name
            return process.poll() is not None or (out.exists() and out.stat().st_size > 0)

        return all(one(*item) for item in self._processes.items())

    def wait(self, extra=60):
        """Waits for all to end and returns {name: Record}; one that does not end is an error."""
        records = {}
        end = self.until / 1e9 + extra
        for name, process in self._processes.items():
            late = False
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                late = True
                process.kill()
            record = Record(name, self.work / name)
            if late:
                record.errors.append(f'{name} had not ended {extra} s after its time')
            elif process.returncode != 0 or not record.complete:
                text = (self.work / f'{name}.err').read_text(errors='replace').strip()
                record.errors.append(f'{name} ended with {process.returncode}: {text[-300:]}')
            records[name] = record
        return records

    def cancel(self):
        for process in self._processes.values():
            process.kill()


def recovery_times(calls, kills):
    """Seconds from each kill to the first answer, within `calls` of the probe, to a call that began
    after the kill and that only a server can answer."""
    answered = [(start, end) for start, end, _, _, op in calls if op in REACHES_SERVER]
    times, at = [], 0
    for kill in sorted(moment for moment, *_ in kills):
        while at < len(answered) and answered[at][0] <= kill:
            at += 1
        if at < len(answered):
            times.append((answered[at][1] - kill) / 1e9)
    return times


def main():
    parser = argparse.ArgumentParser(prog='fusetest.workloads')
    parser.add_argument('name', choices=ALL)
    parser.add_argument('--dir', required=True)
    parser.add_argument('--scratch', required=True)
    parser.add_argument('--until', type=int, required=True, help='monotonic ns')
    parser.add_argument('--out', required=True)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--without', default='', help='steps of "effects", separated by commas')
    ctx = Context(parser.parse_args())
    name = sys.argv[1]
    try:
        ALL[name](ctx)
    except OSError as error:
        ctx.rec.error(f'{name}: {error}')
    finally:
        ctx.rec.close()


if __name__ == '__main__':
    main()
