"""Crashes at the beginning and at the end of a mount's life; and, as a test of the tests, crashes
of a server that nobody takes over from."""

import os
import subprocess

import scripts_names
from campaign import Campaign, Mount, Point, judge, now, settled
from fusetest import connection, procs
from fusetest.filesystem import Filesystem, NotReady
from killer_process import KillerProcess
from report import wanted

MOST_STOPS = 900
MOST_FAILURES = 4
SYS_MOUNT = 165 if os.uname().machine == 'x86_64' else 40
GONE_SECONDS = 15


class Life:
    """A plan whose every crash needs a mount of its own."""

    name = ''
    short_step = 1

    def stops(self, cli):
        """Which stops: every one, or, if that takes too long, every so manieth."""
        step = 1 if cli.long else self.short_step
        return range(cli.seed % step, MOST_STOPS, step)

    def run(self, cli, tools, report):
        if not wanted(cli, 'life', self.name):
            return
        killer, start = KillerProcess(tools.killer), now()
        failures = count = 0
        try:
            for stop in self.stops(cli):
                where, problems = self.one(killer, stop)
                report.note(f'life/{self.name} N={stop} {where}')
                if problems:
                    failures += 1
                    report.differences += 1
                    report.failure(f'life/{self.name}', f'N={stop} at {where or "no crash"}: ' +
                                   '; '.join(problems))
                if not where or failures >= MOST_FAILURES:
                    break
                count += 1
                report.points += 1
        finally:
            killer.close()
        if not failures:
            report.passed(f'life/{self.name}', f'{count} crashes in {now() - start:.1f} s')

    def one(self, killer, stop):
        """One crash: (where, problems)."""
        raise NotImplementedError


class Unmounting(Life):
    """umount(8) succeeds, and nothing is left, wherever the server dies meanwhile."""

    name = 'unmount'

    def one(self, killer, stop):
        fs, problems = Filesystem(args=['-f', '-s']), []
        try:
            fs.start()
            killer.arm(fs.process.pid, stop)
            with connection.Watchdog(fs.mnt, GONE_SECONDS):
                done = subprocess.run(['umount', str(fs.mnt)], capture_output=True, text=True,
                                      timeout=2 * GONE_SECONDS, check=False)
            procs.wait_until(lambda: not procs.is_alive(fs.process.pid), GONE_SECONDS)
            outcome = killer.end()
            if done.returncode != 0:
                problems.append(f'umount: {done.stderr.strip()}')
            fs.process.poll()
            if not procs.wait_until(lambda: not fs.leftovers(), GONE_SECONDS):
                problems.append(f'left: {fs.leftovers()}')
            return outcome.killed, problems
        finally:
            fs.stop()


class Starting(Life):
    """Once the mount survives a crash at some stop, it does so at every later one; and it does so
    before the first request is read. Earlier there is an error and not an endless wait."""

    name = 'start'
    short_step = 8

    def __init__(self):
        self._survived = False

    def one(self, killer, stop):
        fs, problems, outcome = self._held(), [], None
        try:
            killer.arm_from(fs.process.pid, stop + 1, SYS_MOUNT)
            self._let_go(fs)
            mounted = procs.wait_until(lambda: fs.mount() or fs.process.poll() is not None, 10)
            answered = self._answers(fs) if mounted and fs.mount() else False
            outcome = killer.end()
            if outcome.killed and not answered and 'read(/dev/fuse)' in outcome.killed:
                problems.append('the mount did not survive')
            if outcome.killed and not answered and self._survived:
                problems.append('the mount did not survive, but did so before')
            self._survived = self._survived or answered
            if not answered:
                connection.detach(fs.mnt)
                if not procs.wait_until(lambda: not procs.tagged(fs.tag), GONE_SECONDS):
                    problems.append(f'left: {fs.leftovers()}')
            if not outcome.killed and not answered:
                problems.append(f'the mount does not work\n{fs.log()}')
            return outcome.killed, problems
        finally:
            fs.stop()

    @staticmethod
    def _held():
        """A server's process that waits, before its execve, for a line."""
        fs = Filesystem(args=['-f', '-s'], prefix=[
            '/bin/sh', '-c', 'read line < "$0" && exec "$@"'])
        fifo = fs.work / 'go'
        os.mkfifo(fifo)
        fs.prefix.append(str(fifo))
        fs.start(wait=False)
        return fs

    @staticmethod
    def _let_go(fs):
        with open(fs.work / 'go', 'w', encoding='ascii') as fifo:
            fifo.write('go\n')

    @staticmethod
    def _answers(fs):
        """Whether the mount can be used; a wait without end is ended, and told as an error."""
        with connection.Watchdog(fs.mnt, GONE_SECONDS) as dog:
            try:
                os.listdir(fs.mnt)
                os.mkdir(fs.mnt / 'new')
                return True
            except OSError as error:
                if dog.fired:
                    raise NotReady('the mount does not answer', fs.log(), None) from error
                return False


class Power:
    """What a server does not survive must be seen: without reconnect every crash before the last
    answer shows."""

    def run(self, cli, tools, report):
        if not wanted(cli, 'power', 'no_reattach'):
            return
        mount = Mount(tools, reattach=False)
        blind, seen = [], 0
        try:
            campaign = Campaign(mount)
            expected = settled(scripts_names.mkdir, campaign)
            if expected.problems:
                return report.failure('power/no_reattach',
                                      f'without any crash: {expected.problems}')
            # The script's last answer, the server's next call and its next sleep come at the end.
            for stop in range(expected.outcome.stops - 2):
                result = campaign.run(scripts_names.mkdir, Point(stop))
                if judge(expected, result):
                    seen += 1
                else:
                    blind.append(stop)
                mount.renew()
        finally:
            mount.close()
        if blind or not seen:
            return report.failure('power/no_reattach', f'nothing was noticed at N={blind}')
        return report.passed('power/no_reattach', f'{seen} losses, all of them noticed')


PLANS = [Starting(), Unmounting(), Power()]
