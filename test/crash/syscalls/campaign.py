"""One script at one crash point after the other, on a mount that goes on through all of them."""

import os
import subprocess
import time
from pathlib import Path

import tree
from fusetest import connection, procs
from fusetest.filesystem import Filesystem
from killer_process import KillerError, KillerProcess
from scene import Scene

# Longer than any recovery here; then the connection is aborted, and the call that hangs ends.
CALL_SECONDS = 30
SETTLE_SECONDS = 10
MOST_STOPS = 1500
# Where the counting of a successor's stops begins: with its start; where it asks the keeper for the
# connection; where it has settled what was left unfinished, and starts the thread that watches the
# keeper, but has not run any of it again.
EXECVE, SYS_CONNECT, SYS_CLONE3 = -1, 42 if os.uname().machine == 'x86_64' else 203, 435
MARKERS = {EXECVE: ' from execve', SYS_CONNECT: '', SYS_CLONE3: ' from clone3'}
# What the library says of a recovery that went wrong, and what programs say when they go wrong. The
# keeper may well say that a successor is gone again.
COMPLAINTS = ('cannot', 'EIO', 'ESTALE', 'damaged', 'ssert', 'Sanitizer', 'terminate', 'not there')
KEEPERS = 'fuse-keeper:'
MOST_COMPLAINTS = 4


class Point:
    """A crash: the server's Nth stop; and then the Mth of so many successors after it. None: no
    crash. M counts from the successor's first call of that kind."""

    def __init__(self, stop=None, stop2=None, times=1, marker=SYS_CONNECT):
        self.stop, self.stop2, self.times, self.marker = stop, stop2, times, marker

    def __str__(self):
        if self.stop2 is None:
            return f'N={self.stop}'
        return (f'N={self.stop} M={self.stop2}' + MARKERS[self.marker] +
                f' {self.times} times' * (self.times > 1))


class Result:
    """What a script returned at a point, and what was wrong by itself."""

    def __init__(self):
        self.values, self.tree, self.outcome, self.problems = None, None, None, []


class Mount:
    """A filesystem, its keeper and the killer; made anew when a crash has cost the mount."""

    def __init__(self, tools, options=(), args=('-f', '-s'), reattach=True,
                 example='passthrough_ll'):
        self.tools, self.reattach, self._example = tools, reattach, example
        self._options, self._args = list(options), list(args)
        # The kernel writes the times of a file back even when its last name has just been removed:
        # after a crash nobody finds that file any more, and nobody wants it.
        self.never = ('poisoned',) if 'writeback' in options else ('poisoned', 'stale')
        self.killer = KillerProcess(tools.killer)
        self.fs, self._keeper, self._log_seen, self._folders = None, None, 0, 0
        self.start()

    def start(self):
        self.fs = Filesystem(self._example, options=self._options, args=self._args, reattach=self.reattach)
        self.fs.start()
        self._keeper = self.fs.keeper() if self.reattach else None
        self._log_seen = 0

    def renew(self):
        """After a crash that was not survived."""
        os.chdir('/')
        self.fs.stop()
        self.start()

    def close(self):
        os.chdir('/')
        self.killer.close()
        self.fs.stop()

    # -- looking -----------------------------------------------------------------------------------

    def server(self):
        """The server that runs now: the first one, or a child of the keeper."""
        def find():
            if self.fs.process.poll() is None:
                return self.fs.process.pid
            if self._keeper is None or not procs.is_alive(self._keeper):
                return None
            children = Path(f'/proc/{self._keeper}/task/{self._keeper}/children')
            pids = [int(pid) for pid in children.read_text(encoding='ascii').split()]
            here = [pid for pid in pids if procs.is_alive(pid) and
                    procs.exe_of(pid) == str(self.fs.exe)]
            return here[-1] if here else None
        pid = procs.wait_until(find, 5, 0.001)
        if pid is None:
            raise KillerError('there is no server')
        return pid

    def keeper(self):
        return self._keeper

    def state_says(self):
        run = subprocess.run([self.tools.state_info, self.fs.state()], capture_output=True,
                             text=True, timeout=20, check=False)
        return {name: int(value) for name, value in
                (line.split(' ', 1) for line in run.stdout.splitlines() if ' ' in line)
                if value.isdigit()}

    def tables_are_wrong(self):
        """What the check of every invariant objects to, '' if nothing."""
        run = subprocess.run([self.tools.verify_state, self.fs.state()], capture_output=True,
                             text=True, timeout=60, check=False)
        return '' if run.returncode == 0 else f'the tables: {run.stdout.strip() or run.returncode}'

    def complaints(self, expected=None):
        """New lines of the server's log that are not to be there; `expected` are those with it."""
        text = self.fs.log()
        new, self._log_seen = text[self._log_seen:], len(text)
        found = [line for line in new.splitlines()
                 if not line.startswith(KEEPERS) and any(word in line for word in COMPLAINTS)
                 and not (expected and expected in line)]
        return list(dict.fromkeys(found))[:MOST_COMPLAINTS]

    def quiet(self):
        """Until the kernel waits for no answer."""
        return procs.wait_until(lambda: connection.waiting(self.fs.number) in (0, None),
                                SETTLE_SECONDS, 0.001)

    def new_folder(self, name):
        self._folders += 1
        relative = f'{name}.{self._folders}'
        (self.fs.src / relative).mkdir()
        return relative


class Campaign:
    """Runs scripts on a mount."""

    def __init__(self, mount):
        self.mount = mount

    def run(self, script, point):
        """One run of a script in a folder of its own."""
        result, mount = Result(), self.mount
        relative = mount.new_folder(script.__name__)
        before = mount.state_says()
        scene = Scene(mount.fs, relative, lambda: self._arm(point))
        with connection.Watchdog(mount.fs.mnt, CALL_SECONDS) as dog:
            try:
                result.values = script(scene)
                if point.stop2 is not None:
                    os.statvfs('.')  # so that the successor is there, and the crash of it, too
                result.outcome = mount.killer.end()
                scene.close_all()
                result.tree = tree.snapshot(str(scene.behind))
                result.problems += self._after(scene.folder_on_mount, result.tree)
            except (OSError, KillerError) as error:
                result.problems.append(f'{type(error).__name__}: {error}')
                self._disarm(result)
            os.chdir('/')
        if dog.fired:
            result.problems.append(f'a call did not return within {CALL_SECONDS} s')
        if mount.reattach and not result.problems:
            result.problems += self._counts(script, before, result.outcome)
        result.problems += mount.complaints(getattr(script, 'may_say', None))
        return result

    def _arm(self, point):
        if point.stop is None:
            return self.mount.killer.arm(self.mount.server(), -1)
        if point.stop2 is None:
            return self.mount.killer.arm(self.mount.server(), point.stop)
        return self.mount.killer.arm(self.mount.server(), point.stop, self.mount.keeper(),
                                     point.stop2, point.marker, point.times)

    def _disarm(self, result):
        if result.outcome is None:
            try:
                result.outcome = self.mount.killer.end()
            except KillerError as error:
                result.problems.append(str(error))

    def _after(self, on_mount, behind):
        """The mount shows what is behind it."""
        seen = tree.snapshot(str(on_mount))
        wrong = tree.difference(behind, seen)
        return [f'the mount differs from what is behind it: {wrong}'] if wrong else []

    def _counts(self, script, before, outcome):
        """Nothing is left of the run but the root's node."""
        mount, problems = self.mount, []
        connection.drop_unused(mount.fs.mnt)
        mount.quiet()
        wanted = {'nodes_counted': 1, 'records': 1, 'handles': 0, 'handles_counted': 0, 'locks': 0,
                  'slots_running': 0, 'slots_replied': 0}
        seen = {}

        def empty():
            seen.update(mount.state_says())
            return all(seen.get(name) == value for name, value in wanted.items())

        if not procs.wait_until(empty, 3, 0.01):
            wrong = {name: seen.get(name) for name, value in wanted.items()
                     if seen.get(name) != value}
            problems.append(f'left in the tables: {wrong}')
            problems.append(mount.tables_are_wrong() or 'the tables are consistent')
        deaths = outcome.deaths
        born = seen.get('generation', 0) - before.get('generation', 0)
        # A successor that is killed before it has taken the connection is not counted by anybody.
        if not min(deaths, 1) <= born <= deaths:
            problems.append(f'{deaths} servers were killed, but there were {born} successors')
        for name in mount.never:
            if name in getattr(script, 'may_count', ()):
                continue
            if seen.get(name, 0) != before.get(name, 0):
                problems.append(f'{name}: {seen.get(name, 0) - before.get(name, 0)}')
        return problems


def judge(expected, result):
    """What is different from a run without crashes, as texts."""
    problems = list(result.problems)
    if result.values != expected.values:
        problems.insert(0, f'returned {result.values}, not {expected.values}')
    if result.tree is not None:
        wrong = tree.difference(expected.tree, result.tree)
        if wrong:
            problems.insert(0, f'the tree differs: {wrong}')
    if result.outcome is not None and not result.outcome.calm:
        problems.append(f'the killer could not settle: {result.outcome.line}')
    return problems


def settled(script, campaign):
    """A run without a crash, the second of two: the first may make what is there for good."""
    campaign.run(script, Point())
    expected = campaign.run(script, Point())
    return expected


def now():
    """Seconds of a clock that only goes forward."""
    return time.monotonic()


class Tools:
    """The programs the campaign needs, of a build folder."""

    def __init__(self, build):
        self._build = build = Path(build)
        self.killer = build / 'test' / 'crash' / 'syscalls' / 'killer'
        self.verify_state = build / 'test' / 'crash' / 'syscalls' / 'verify-state'
        self.state_info = build / 'test' / 'tools' / 'state-info'

    def missing(self):
        return [str(path) for path in (self.killer, self.verify_state, self.state_info)
                if not path.is_file()]

    def rare(self, name):
        return self._build / 'test' / 'tools' / name

    def opcodes(self):
        """{number: name} of all operations that the library knows."""
        run = subprocess.run([self.verify_state, '--opcodes'], capture_output=True, text=True,
                             timeout=20, check=True)
        return {int(number): name for number, name in
                (line.split() for line in run.stdout.splitlines())}
