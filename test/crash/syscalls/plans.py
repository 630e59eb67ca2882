"""What is run: which scripts, on which kinds of mount, with which crashes."""

import contextlib
import os
import random
import subprocess
import tempfile
import traceback

import scripts_files
import scripts_names
import scripts_parallel
import scripts_rare
import coverage
import lifetimes
from campaign import (EXECVE, MOST_STOPS, SYS_CLONE3, Campaign, Mount, Point, Tools, judge, now,
                      settled)
from fusetest import connection, paths
from report import Report, wanted

MOST_FAILURES = 4  # of one script, after which the next one has its turn
SINGLE = ('-f', '-s')
MULTI = ('-f',)
ALL = scripts_names.SCRIPTS + scripts_files.SCRIPTS
PARALLEL = scripts_parallel.SCRIPTS
READDIRS = [s for s in ALL if s.__name__.startswith('readdir')]
LOCKS = scripts_files.LOCK_SCRIPTS + scripts_rare.LOCK_SCRIPTS
HIDING, HIDE, HIGH_LEVEL = scripts_files.HIDING, 'reattach_unlinked=hide', 'passthrough_fh'
RARE = RARE_LOW, RARE_HIGH = 'passthrough_rare_ll', 'passthrough_rare_hl'
WRITES = [s for s in ALL if s.__name__.startswith(('write', 'create', 'read', 'copy', 'new_file'))]
PAIRED = [getattr(scripts_names, name) for name in (
    'lookup_deep', 'forget', 'mkdir', 'link', 'unlink', 'rename', 'rename_exchange')]
PAIRED += [getattr(scripts_files, name) for name in (
    'create_excl', 'write_append', 'release', 'readdir', 'setxattr_create', 'open_trunc')]
SHORT_PAIRS = 5  # of each script
SHORT_HIGH_LEVEL = 5
SHORT_IN_A_ROW = 3
SHORT_PARALLEL = 40
SHORT_RARE = 3
EARLY = 10  # calls after which no successor has settled what it found
QUICK_SINGLES = 4
REPEATED = 4  # successors that die one after the other before they have run anything
# Together every operation that a mirror has.
EACH = [getattr(scripts_names, name) for name in (
    'mknod_fifo', 'symlink', 'rmdir', 'rename_noreplace', 'link', 'unlink', 'rename', 'mkdir')]
EACH += [getattr(scripts_files, name) for name in (
    'create_excl', 'open_trunc', 'release_written', 'fsync', 'chmod', 'setxattr', 'removexattr',
    'fallocate_plain', 'copy_file_range', 'lseek', 'statfs', 'access', 'readdir_open', 'interrupted')]
IN_A_ROW = [scripts_names.mkdir, scripts_names.rename, scripts_files.create_excl]
SHORT_MULTI = [getattr(scripts_names, name) for name in ('lookup', 'mkdir', 'rename', 'forget')]
SHORT_MULTI += [getattr(scripts_files, name) for name in ('create_excl', 'write_append', 'readdir')]


class Plan:
    """Scripts on one kind of mount."""

    def __init__(self, name, scripts, args=SINGLE, options=(), crashes=None,
                 example='passthrough_ll', device=False):
        self.name, self.scripts, self._args, self._options = name, scripts, args, options
        self._example, self._device = example, device
        self._crashes = crashes or Tried.singles  # called with a Tried and a generator

    def run(self, cli, tools, report):
        chosen = [s for s in self.scripts if wanted(cli, self.name, s.__name__)]
        if not chosen:
            return
        with loop_device() if self._device else contextlib.nullcontext() as device:
            options = [*self._options, *(['blkdev', f'fsname={device}'] if device else [])]
            mount = Mount(tools, options, self._args, example=self._program(tools))
            try:
                for script in chosen:
                    self._run_script(script, mount, cli, report)
            finally:
                mount.close()

    def _program(self, tools):
        return str(tools.rare(self._example)) if self._example in RARE else self._example

    def _interface(self):
        return coverage.HIGH if self._example in (HIGH_LEVEL, RARE_HIGH) else coverage.LOW

    def _run_script(self, script, mount, cli, report):
        name = f'{self.name}/{script.__name__}'
        start, campaign = now(), Campaign(mount)
        expected = settled(script, campaign)
        if expected.problems:
            report.failure(name, f'without any crash: {"; ".join(expected.problems)}')
            mount.renew()
            return
        tried = Tried(name, script, campaign, expected, report)
        if cli.at:
            tried.at(cli.at)
        else:
            self._crashes(tried, random.Random(f'{cli.seed} {name}'))
        for how in tried.hows:
            report.cover(self._interface(), how, tried.opcodes)
        wrong = mount.tables_are_wrong()
        if wrong:
            tried.failures += 1
            report.failure(name, wrong)
        if not tried.failures:
            report.passed(name, f'{tried.count} crashes in {now() - start:.1f} s')


class Tried:
    """The crashes of one script."""

    def __init__(self, name, script, campaign, expected, report):
        self._name, self._script, self._campaign = name, script, campaign
        self._expected, self._report = expected, report
        self.failures = self.count = 0
        self.opcodes, self.hows = set(expected.outcome.opcodes), set()

    def _one(self, point):
        """The outcome; None when nothing is known of it."""
        result = self._campaign.run(self._script, point)
        problems, outcome = judge(self._expected, result), result.outcome
        where = '?' if outcome is None else ' then '.join(
            text for text in (outcome.killed, outcome.killed2) if text)
        self._report.note(f'{self._name} {point} {where}')
        self.count += bool(where)
        if outcome is not None and outcome.killed:
            self.opcodes |= outcome.opcodes
            self.hows.add(coverage.PAIRS if outcome.killed2 else coverage.ALONE)
        if where:
            self._report.points += 1
        if problems:
            self.failures += 1
            self._report.differences += 1
            self._report.failure(self._name, f'{point} at {where or "no crash"}: ' +
                                 '; '.join(problems))
            self._campaign.mount.renew()
        return outcome

    def _given_up(self):
        return self.failures >= MOST_FAILURES

    def at(self, numbers):
        """One crash, as its failure was reported."""
        self._one(Point(*(int(number) for number in numbers.split(','))))

    def singles(self, _):
        """N = 0, 1, 2, ... until the script runs through."""
        missed = 0  # with threads the number of stops is not always the same
        for stop in range(MOST_STOPS):
            outcome = self._one(Point(stop))
            missed += outcome is not None and not outcome.killed
            if self._given_up() or missed == 2:
                return
        self.failures += 1
        self._report.failure(self._name, f'still killed at the {MOST_STOPS}th stop')

    def sampled(self, generator, most):
        """Some single crashes of a script that makes many calls."""
        for _ in range(most):
            if self._given_up():
                return
            self._one(Point(self._any_stop(generator)))

    def _any_stop(self, generator):
        return generator.randint(0, self._expected.outcome.stops)

    def _any_pair(self, generator, **how):
        """A successor's stops are counted first, in a run where it lives."""
        stop = self._any_stop(generator)
        outcome = self._one(Point(stop, MOST_STOPS, **how))
        last = outcome.stops2 if outcome is not None else 0
        self._one(Point(stop, generator.randint(1, max(1, last)), **how))

    def some_pairs(self, generator, most):
        """Drawn from all pairs, some of them of a successor that does not come far."""
        for _ in range(most):
            if self._given_up():
                return
            self._any_pair(generator)
        if not self._given_up():
            self._any_pair(generator, marker=EXECVE)

    def one_pair(self, generator):
        """Of a successor that does not come far."""
        self._one(Point(self._any_stop(generator), generator.randint(1, EARLY)))

    def all_pairs(self, _):
        """Every N with every M."""
        for stop in range(self._expected.outcome.stops + 1):
            for stop2 in range(1, MOST_STOPS):
                outcome = self._one(Point(stop, stop2))
                if self._given_up():
                    return
                if outcome is not None and not outcome.killed2:
                    break

    def in_a_row(self, generator, most):
        """Successors that die when they have taken everything over and run nothing yet. However
        many there are, it is not a request's fault."""
        for _ in range(most):
            if self._given_up():
                return
            self._one(Point(self._any_stop(generator), generator.randint(1, 4), REPEATED,
                            SYS_CLONE3))


@contextlib.contextmanager
def loop_device():
    """A block device of nothing, whose name a filesystem can have."""
    with tempfile.NamedTemporaryFile() as image:
        image.truncate(1 << 20)
        made = subprocess.run(['losetup', '--find', '--show', image.name], capture_output=True,
                              text=True, timeout=20, check=True).stdout.strip()
        try:
            yield made
        finally:
            subprocess.run(['losetup', '--detach', made], timeout=20, check=True)


def sampled(most):
    return lambda tried, generator: tried.sampled(generator, most)


def some_pairs(most):
    return lambda tried, generator: tried.some_pairs(generator, most)


def in_a_row(most):
    return lambda tried, generator: tried.in_a_row(generator, most)


LOCKING = ['flock', 'posix_lock']


def rare_plans(alone, pairs):
    """Operations that mirrors do not have, in both interfaces, and what else the plans before do not
    come to: crashes in recovery of one script of each operation."""
    plans = []
    for name, example in (('rare', RARE_LOW), ('rare-high-level', RARE_HIGH)):
        high = example == RARE_HIGH
        locks = scripts_rare.LOCK_SCRIPTS + [scripts_files.lock_parts]
        for how, crashes in (('', alone), ('-pair', pairs)):
            rare = scripts_rare.SCRIPTS[:-1] if high else scripts_rare.SCRIPTS
            plans += [Plan(name + how, rare, crashes=crashes, example=example),
                      Plan(name + '-locks' + how, locks, options=['flock', 'posix_lock'] * (not high),
                           crashes=crashes, example=example),
                      Plan(name + '-device' + how, scripts_rare.DEVICE_SCRIPTS, crashes=crashes,
                           example=example, device=True)]
        plans += [Plan(name + '-each-pair', EACH, crashes=pairs, example=example),
                  Plan(name + '-plain-readdir', [scripts_files.readdir, scripts_files.readdir_open], options=['no_readdirplus'] * (not high),
                       crashes=pairs, example=example)]
    return plans


def quick_plans():
    return [Plan('single', PAIRED, crashes=sampled(QUICK_SINGLES)),
            Plan('multi', SHORT_MULTI, MULTI, crashes=sampled(QUICK_SINGLES)), lifetimes.Power()]


def short_plans():
    return [Plan('single', ALL),
            Plan('user', scripts_names.USER_SCRIPTS, options=['allow_other']),
            Plan('plain-readdir', READDIRS, options=['no_readdirplus']),
            Plan('hide', HIDING, options=[HIDE]),
            Plan('high-level', ALL + HIDING, crashes=sampled(SHORT_HIGH_LEVEL), example=HIGH_LEVEL),
            Plan('pair', PAIRED, crashes=some_pairs(SHORT_PAIRS)),
            Plan('in-a-row', IN_A_ROW, crashes=in_a_row(SHORT_IN_A_ROW)),
            Plan('multi', SHORT_MULTI, MULTI),
            Plan('locks', LOCKS, options=LOCKING),
            *rare_plans(sampled(SHORT_RARE), Tried.one_pair),
            Plan('parallel', PARALLEL, MULTI, crashes=sampled(SHORT_PARALLEL)),
            *lifetimes.PLANS]


def long_plans():
    return [Plan('single', ALL),
            Plan('user', scripts_names.USER_SCRIPTS, options=['allow_other']),
            Plan('plain-readdir', READDIRS, options=['no_readdirplus']),
            Plan('hide', HIDING, options=[HIDE]),
            Plan('hide-pair', HIDING, options=[HIDE], crashes=Tried.all_pairs),
            Plan('high-level', ALL + HIDING, example=HIGH_LEVEL),
            Plan('high-level-multi', ALL + HIDING, MULTI, example=HIGH_LEVEL),
            Plan('high-level-pair', ALL + HIDING, crashes=some_pairs(40), example=HIGH_LEVEL),
            Plan('no-cache', ALL, options=['cache=never']),
            Plan('all-cache', ALL, options=['cache=always']),
            Plan('writeback', WRITES, options=['writeback']),
            Plan('no-splice', WRITES, options=['no_splice']),
            Plan('multi', ALL, MULTI),
            Plan('multi-clone', ALL, MULTI, ['clone_fd']),
            Plan('locks', LOCKS, options=LOCKING),
            Plan('multi-locks', LOCKS, MULTI, LOCKING),
            Plan('locks-pair', LOCKS, options=LOCKING, crashes=Tried.all_pairs),
            Plan('parallel', PARALLEL, MULTI),
            Plan('parallel-clone', PARALLEL, MULTI, ['clone_fd']),
            Plan('parallel-pair', PARALLEL, MULTI, crashes=some_pairs(100)),
            Plan('multi-pair', ALL, MULTI, crashes=some_pairs(40)),
            Plan('in-a-row', ALL, crashes=in_a_row(20)),
            *rare_plans(Tried.singles, Tried.all_pairs), *lifetimes.PLANS, Plan('pair', ALL, crashes=Tried.all_pairs)]


def plans_for(cli):
    return long_plans() if cli.long else quick_plans() if cli.quick else short_plans()


def plans_are_all(cli):
    return not (cli.only or cli.at or cli.quick)


def run_all(cli):
    report, tools = Report(cli.verbose), Tools(paths.build_dir())
    if os.geteuid() != 0 or not os.path.exists('/dev/fuse'):
        report.skipped('all', 'needs root and /dev/fuse')
        return 77
    if tools.missing():
        report.failure('all', f'not built: {tools.missing()}')
        return 1
    connection.ensure_fusectl()
    print(f'seed {cli.seed}', flush=True)
    for plan in plans_for(cli):
        try:
            plan.run(cli, tools, report)
        except Exception:  # pylint: disable=broad-except
            report.failure(plan.name, traceback.format_exc())
    if plans_are_all(cli):
        coverage.judge(report, tools.opcodes())
    print(f'{report.points} crash points tried, {report.differences} differences found', flush=True)
    return 1 if report.failed else 0
