"""Killing the server of a mount again and again, at moments drawn from a seeded generator."""

import random
import signal
import threading
import time

from . import procs

# A successor that dies each time before it has answered anything is given up on purpose, and a
# request that three incarnations in a row died on is given up too. So early kills come one at a time.
EARLY_SHARE = 0.12
EARLY_SECONDS = 0.004
# A successor comes within milliseconds; a machine with other things to do may stand still for longer.
PATIENCE_SECONDS = 15


class Killer(threading.Thread):
    """Sends SIGKILL to the server about `per_second` times a second until stop(). Some of the kills,
    marked early, hit a successor that is still starting up, down to no delay at all."""

    def __init__(self, fs, per_second, seed=0):
        super().__init__(name='killer', daemon=True)
        self._fs, self._rate = fs, per_second
        self._random = random.Random(seed)
        self._stop_event = threading.Event()
        self.kills = []  # (monotonic ns, pid, early)
        self.missed = 0  # no server to be found in time: the mount is lost

    def run(self):
        last_pid, next_time = None, time.monotonic()
        while not self._stop_event.is_set():
            early = bool(self.kills) and not self.kills[-1][2] and (
                self._random.random() < EARLY_SHARE)
            if early:
                pid = self._find(lambda pid, old=last_pid: pid != old)
                time.sleep(self._random.choice((0, self._random.random() * EARLY_SECONDS)))
            else:
                # The pause between two kills is drawn around an absolute schedule, so that the time
                # the killer itself takes does not lower the rate.
                next_time = max(next_time + self._random.expovariate(self._rate),
                                time.monotonic() - 0.5)
                pause = next_time - time.monotonic()
                if pause > 0 and self._stop_event.wait(pause):
                    break
                pid = self._find(lambda pid: True)
            if pid is None:
                continue
            moment = procs.send(pid, signal.SIGKILL, self._fs.exe)
            if moment is not None:
                self.kills.append((moment, pid, early))
                last_pid = pid

    def _find(self, wanted):
        def look():
            if self._stop_event.is_set():
                return [0]
            return [pid for pid in self._fs.servers() if wanted(pid)]

        pids = procs.wait_until(look, PATIENCE_SECONDS, 0.001)
        if not pids:
            self.missed += 1
            self._stop_event.wait(0.2)
            return None
        return pids[-1] or None

    def wait_for(self, count, seconds=40):
        """Until so many kills were made; whether that was within the time, with no server missed."""
        procs.wait_until(lambda: len(self.kills) >= count or self.missed, seconds)
        return len(self.kills) >= count and not self.missed

    def stop(self):
        self._stop_event.set()
        self.join(PATIENCE_SECONDS)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
