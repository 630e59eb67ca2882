"""More applications for a mount: a database server, a compiler, rsync, and programs that lock, map and
watch files. Each gets a workloads.Context and runs until its end."""

import ctypes
import fcntl
import mmap
import os
import re
import shutil
import struct
import time
from pathlib import Path

# PostgreSQL does not run as root.
DATABASE_USER = 'nobody'
BLOCK = 4096


def find(ctx):
    """A tree that nobody changes, listed by find again and again."""
    made = set()
    for number in range(400):
        folder = ctx.dir / f'a.{number % 7}' / f'b.{number % 11}'
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f'file.{number}').touch()
        made |= {folder.parent, folder, folder / f'file.{number}'}
    want = sorted(str(path) for path in [ctx.dir, *made])
    while ctx.running():
        seen = ctx.command('find', ['find', str(ctx.dir)], count=len(want))
        ctx.rec.check(seen is None or sorted(seen.splitlines()) == want,
                      f'find saw {len((seen or "").splitlines())} names, there are {len(want)}')


def rsync(ctx):
    """A tree that changes elsewhere, kept up with on the mount."""
    source, target = ctx.scratch / 'source', ctx.dir / 'target'
    source.mkdir()
    names = [f'{number % 5}/file.{number}' for number in range(120)]
    while ctx.running():
        for name in ctx.random.sample(names, 30):
            path = source / name
            path.parent.mkdir(exist_ok=True)
            if path.exists() and ctx.random.random() < 0.3:
                path.unlink()
            else:
                path.write_bytes(ctx.random.randbytes(ctx.random.randrange(1, 40_000)))
        ctx.command('rsync', ['rsync', '-a', '--delete', f'{source}/', f'{target}/'], count=30)
        left = ctx.command('rsync --checksum', ['rsync', '-anci', '--delete', f'{source}/',
                                                f'{target}/'], count=len(names))
        ctx.rec.check(left in (None, ''), f'rsync would still change {left!r}')


def compiler(ctx):
    """Programs of several sources, compiled, put into an archive, linked and run."""
    rounds = 0
    while ctx.running():
        folder = ctx.dir / f'program.{rounds}'
        folder.mkdir()
        numbers = [ctx.random.randrange(1000) for _ in range(4)]
        for index, number in enumerate(numbers):
            (folder / f'part{index}.c').write_text(
                f'#include <stdio.h>\nint part{index}(void) {{ return {number}; }}\n')
        calls = ' + '.join(f'part{index}()' for index in range(len(numbers)))
        declared = ' '.join(f'int part{index}(void);' for index in range(len(numbers)))
        (folder / 'main.c').write_text(
            f'#include <stdio.h>\n{declared}\nint main(void) {{ return !printf("%d", {calls}); }}\n')
        for source in sorted(folder.glob('*.c')):
            ctx.command('cc', ['cc', '-g', '-c', source.name], cwd=folder, count=10)
        parts = sorted(path.name for path in folder.glob('part*.o'))
        ctx.command('ar', ['ar', 'rcs', 'parts.a', *parts], cwd=folder, count=4)
        ctx.command('link', ['cc', '-o', 'program', 'main.o', 'parts.a'], cwd=folder, count=4)
        printed = ctx.command('run', [str(folder / 'program')])
        ctx.rec.check(printed == str(sum(numbers)), f'the program says {printed}, not {sum(numbers)}')
        ctx.command('rm', ['rm', '-r', str(folder)], count=10)
        rounds += 1


def mapped(ctx, blocks=64):
    """A file changed through a shared mapping, and read through descriptors."""
    path = ctx.dir / 'mapped'
    model = bytearray(blocks * BLOCK)
    path.write_bytes(model)
    with open(path, 'r+b', buffering=0) as file:
        while ctx.running():
            with mmap.mmap(file.fileno(), len(model)) as area:
                for _ in range(20):
                    at, piece = ctx.random.randrange(len(model) - 600), ctx.random.randbytes(600)
                    start = time.monotonic_ns()
                    area[at:at + 600] = piece
                    ctx.rec.note('store', start, time.monotonic_ns())
                    model[at:at + 600] = piece
                ctx.rec.call('msync', area.flush)
            seen = ctx.rec.call('read', os.pread, file.fileno(), len(model), 0)
            ctx.rec.check(seen == bytes(model), 'reading shows something else than what was mapped')
        ctx.rec.call('fsync', os.fsync, file.fileno())
    ctx.rec.check(path.read_bytes() == bytes(model), 'the file is not what was mapped')


def locks(ctx, processes=4):
    """Processes that take turns by locks of both kinds; each turn reads a number and writes the next."""
    kinds = {'record': fcntl.lockf, 'file': fcntl.flock}
    for kind in kinds:
        (ctx.dir / kind).write_bytes(struct.pack('<Q', 0))
    children = []
    for number in range(processes):
        out_of, into = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(out_of)
            os._exit(_take_turns(ctx, kinds, into, number))
        os.close(into)
        children.append((child, out_of))
    turns = dict.fromkeys(kinds, 0)
    for child, out_of in children:
        with open(out_of, encoding='utf-8') as told:
            for line in told:
                kind, _, value = line.strip().partition(' ')
                if kind in turns:
                    turns[kind] += int(value)
                else:
                    ctx.rec.error(f'locks: {line.strip()}')
        status = os.waitpid(child, 0)[1]
        ctx.rec.check(status == 0, f'a process that locks ended with {status}')
    for kind, count in turns.items():
        reached = struct.unpack('<Q', (ctx.dir / kind).read_bytes())[0]
        ctx.rec.check(reached == count, f'{kind} locks: {count} turns made the number {reached}')
        ctx.rec.note(f'turns with {kind} locks', ctx.until, ctx.until, count, 0)


def _take_turns(ctx, kinds, into, number):
    """In a child: says at its end how many turns it had, or what went wrong."""
    with open(into, 'w', encoding='utf-8') as out:
        try:
            files = {kind: os.open(ctx.dir / kind, os.O_RDWR) for kind in kinds}
            turns = dict.fromkeys(kinds, 0)
            while ctx.running(turns['file']):
                for kind, lock in kinds.items():
                    lock(files[kind], fcntl.LOCK_EX)
                    value = struct.unpack('<Q', os.pread(files[kind], 8, 0))[0]
                    time.sleep(0.0002 * (number + 1))
                    os.pwrite(files[kind], struct.pack('<Q', value + 1), 0)
                    turns[kind] += 1
                    lock(files[kind], fcntl.LOCK_UN)
            out.writelines(f'{kind} {count}\n' for kind, count in turns.items())
            return 0
        except OSError as error:
            out.write(f'error: {error}\n')
            return 1


IN_CREATE, IN_DELETE, IN_MOVED_TO = 0x100, 0x200, 0x80
_EVENT = struct.Struct('iIII')


def watcher(ctx):
    """A folder watched by inotify, and changes to it, each of which is told exactly once."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_CLOEXEC)
    if libc.inotify_add_watch(fd, os.fsencode(ctx.dir), IN_CREATE | IN_DELETE | IN_MOVED_TO) < 0:
        ctx.rec.error(f'inotify: {os.strerror(ctypes.get_errno())}')
        return
    number = 0
    while ctx.running():
        number += 1
        made, moved = ctx.dir / f'made.{number}', ctx.dir / f'moved.{number}'
        ctx.rec.call('create', made.touch)
        ctx.rec.call('rename', made.rename, moved)
        ctx.rec.call('unlink', moved.unlink)
        want = [(IN_CREATE, made.name), (IN_MOVED_TO, moved.name), (IN_DELETE, moved.name)]
        seen = []
        while len(seen) < len(want):
            seen += _events(os.read(fd, 4096))
        ctx.rec.check(seen == want, f'inotify told {seen}')
    os.set_blocking(fd, False)
    try:
        ctx.rec.error(f'inotify told more than there was: {_events(os.read(fd, 4096))}')
    except BlockingIOError:
        pass
    os.close(fd)


def _events(data):
    found, at = [], 0
    while at < len(data):
        _, mask, _, length = _EVENT.unpack_from(data, at)
        at += _EVENT.size
        found.append((mask & 0xfff, data[at:at + length].rstrip(b'\0').decode()))
        at += length
    return found


def postgres(ctx):
    """A PostgreSQL server with checksums, and pgbench's transactions; its books must balance."""
    programs = sorted(Path('/usr/lib/postgresql').glob('*/bin/initdb'))
    if not ctx.rec.check(bool(programs), 'PostgreSQL is not installed'):
        return
    server = _Postgres(ctx, programs[-1].parent)
    if not server.start():
        return
    transactions = 0
    while ctx.running():
        told = server.run('pgbench', '--client=4', '--jobs=2', '--time=2', '--no-vacuum', 'postgres')
        done = re.search(r'actually processed: (\d+)', told or '')
        if not ctx.rec.check(bool(done), f'pgbench says {told!r}'):
            break
        transactions += int(done[1])
        ctx.rec.note('transactions', time.monotonic_ns(), time.monotonic_ns(), int(done[1]), 0)
        server.check_books(transactions)
        if not server.restart():
            break
    server.check_books(transactions)
    server.stop()
    server.run('pg_checksums', '--check', '-D', str(server.data))
    ctx.rec.details['transactions'] = transactions


class _Postgres:
    def __init__(self, ctx, programs):
        self.ctx, self.programs, self.data = ctx, programs, ctx.dir / 'data'
        self.sockets = ctx.scratch / 'sockets'
        for folder in (self.data, self.sockets):
            folder.mkdir(mode=0o700)
            shutil.chown(folder, DATABASE_USER)

    def run(self, program, *arguments):
        env = {'PATH': os.environ['PATH'], 'PGHOST': str(self.sockets), 'LC_ALL': 'C',
               'PGUSER': DATABASE_USER}
        user = ['setpriv', f'--reuid={DATABASE_USER}', '--clear-groups', '--']
        return self.ctx.command(program, [*user, str(self.programs / program), *arguments],
                                cwd='/', env=env, count=0)

    def start(self):
        settings = {'listen_addresses': '', 'unix_socket_directories': self.sockets,
                    'shared_buffers': '1MB', 'max_wal_size': '32MB', 'checkpoint_timeout': '30s'}
        return (self.run('initdb', '-D', str(self.data), '-A', 'trust', '--data-checksums',
                         f'--username={DATABASE_USER}', '--no-locale') is not None
                and self._write(settings)
                and self._up() and self.run('pgbench', '--initialize', '--quiet', 'postgres') is not None)

    def _write(self, settings):
        with open(self.data / 'postgresql.conf', 'a', encoding='utf-8') as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        return True

    def _up(self):
        return self.run('pg_ctl', '-D', str(self.data), '-w', '-t', '60', '-l',
                        str(self.sockets / 'log'), 'start') is not None

    def restart(self):
        """Without a checkpoint: the server recovers from its log."""
        return self.stop('immediate') and self._up()

    def stop(self, mode='fast'):
        return self.run('pg_ctl', '-D', str(self.data), '-w', '-t', '60', '-m', mode,
                        'stop') is not None

    def check_books(self, transactions):
        told = self.run('psql', '-XAtq', '-c', '''
            select (select count(*) from pgbench_history),
                   (select sum(abalance) from pgbench_accounts)
                     = (select coalesce(sum(delta), 0) from pgbench_history),
                   (select sum(tbalance) from pgbench_tellers)
                     = (select sum(bbalance) from pgbench_branches)''', 'postgres')
        self.ctx.rec.check(told is None or told.strip() == f'{transactions}|t|t',
                           f'after {transactions} transactions the books say {told!r}')


ALL = {'find': find, 'rsync': rsync, 'compiler': compiler, 'mapped': mapped, 'locks': locks,
       'watcher': watcher, 'postgres': postgres}
