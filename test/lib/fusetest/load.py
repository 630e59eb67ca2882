"""Applications at work on a mount while its server is killed, and what must come of it."""

import statistics
import time

from . import procs
from .killer import Killer
from .workloads import PATIENCE_SECONDS, Runner, recovery_times


def run(fs, work, names, seconds, seed, per_second=0, without=(), folder=None):
    """Runs workloads on a mount (or in a folder of it) with `per_second` kills a second, for some
    seconds, and for longer where one has not done anything by then. Fails unless every application saw
    nothing but right answers, and every kill brought a successor."""
    runner = Runner(folder or fs.mnt, work / f'workloads.{time.monotonic_ns()}', names, seconds, seed,
                    without)
    killer = Killer(fs, per_second, seed) if per_second else None
    try:
        if killer:
            killer.start()
        procs.wait_until(lambda: runner.seconds_left() <= 0 and runner.begun(),
                         seconds + PATIENCE_SECONDS, 0.1)
        if killer:
            killer.stop()
        records = runner.wait(60)
    finally:
        if killer:
            killer.stop()
        runner.cancel()
    kills = killer.kills if killer else []
    print(_summary(records, kills))
    errors = [f'{name}: {text}' for name, record in records.items() for text in record.errors]
    assert not errors, '\n'.join(errors[:20])
    assert not killer or killer.missed == 0, 'no successor came'
    assert len(kills) >= seconds * per_second / 3, f'{len(kills)} kills only'
    for name, record in records.items():
        assert record.operations > 0, f'{name} did nothing'
    return records, kills


def _summary(records, kills):
    parts = [f'{name} {record.operations} operations, {len(record.errors)} errors, slowest '
             f'{record.slowest * 1e3:.0f} ms ({record.slowest_op})'
             for name, record in records.items()]
    times = recovery_times(records['probe'].calls, kills) if 'probe' in records else []
    if times:
        parts.append(f'{len(kills)} kills, recovery median {statistics.median(times) * 1e3:.0f} ms, '
                     f'longest {max(times) * 1e3:.0f} ms')
    return '; '.join(parts)
