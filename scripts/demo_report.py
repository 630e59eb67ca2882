"""What the demonstration prints, and the criteria it must meet."""

import statistics

import demo_svg


def _ms(seconds):
    return f'{seconds * 1e3:.1f} ms' if seconds < 1 else f'{seconds:.2f} s'


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Report:
    """Collects what was seen; verdict() prints each criterion and gives the exit status."""

    def __init__(self, wanted_kills):
        self._wanted, self._criteria = wanted_kills, []
        self._records, self._kills, self._start, self._seconds = {}, [], 0, 0

    def _judge(self, fine, text):
        self._criteria.append((bool(fine), text))

    def fail(self, text):
        self._judge(False, text)

    def load(self, killer, records, start, seconds):
        """The applications' own account and the recovery times."""
        from fusetest.workloads import recovery_times  # pylint: disable=import-outside-toplevel
        self._records, self._kills = records, killer.kills
        self._start, self._seconds = start, seconds
        early = sum(kill[2] for kill in killer.kills)
        print(f'\nserver killed {len(killer.kills)} times in {seconds:g} s, {early} of them while '
              f'it was still starting\n')
        print(f'{"application":12} {"operations":>11} {"errors":>7} {"slowest call":>13}   what')
        for name, record in records.items():
            facts = ', '.join(f'{value} {key.replace("_", " ")}'
                              for key, value in record.details.items())
            print(f'{name:12} {record.operations:11} {len(record.errors):7} '
                  f'{_ms(record.slowest):>13}   {record.slowest_op}{"; " + facts if facts else ""}')
        for name, record in records.items():
            for text in record.errors[:5]:
                print(f'  {name}: {text}')
        self._recovery(recovery_times(records['probe'].calls, killer.kills), len(killer.kills))
        self._per_call(records['probe'])
        errors = sum(len(record.errors) for record in records.values())
        verify = records['fio'].details.get('verify_errors', 0) if 'fio' in records else 0
        idle = [name for name, record in records.items() if record.operations == 0]
        self._judge(errors == 0, f'{errors} application errors')
        self._judge(verify == 0, f'{verify} verify errors')
        self._judge(not idle, f'every application worked{": not " + ", ".join(idle) if idle else ""}')
        self._judge(len(killer.kills) >= self._wanted,
                    f'{len(killer.kills)} kills, at least {self._wanted} wanted')
        self._judge(killer.missed == 0, f'{killer.missed} times no server came back within 5 s')

    def _recovery(self, times, kills):
        if not times:
            self.fail('no recovery was seen')
            return
        print(f'\nrecovery, SIGKILL to the next answer ({len(times)} times): '
              f'median {_ms(statistics.median(times))}, p99 {_ms(percentile(times, 0.99))}, '
              f'longest {_ms(max(times))}')
        self._judge(len(times) >= kills - 2, f'an answer after {len(times)} of {kills} kills')

    @staticmethod
    def _per_call(record):
        calls = {}
        for start, end, _, _, op in record.calls:
            calls.setdefault(op, []).append((end - start) / 1e9)
        print('the probe\'s calls:')
        for op, times in calls.items():
            print(f'  {op:8} {len(times):8} times, median {_ms(statistics.median(times)):>9}, '
                  f'p99 {_ms(percentile(times, 0.99)):>9}, slowest {_ms(max(times)):>9}')

    def trees(self, differences):
        for text in differences[:5]:
            print(f'  {text}')
        self._judge(not differences, 'what the mount shows is what lies below it')

    def held(self, before, after):
        """Nodes, handles and descriptors once the kernel has forgotten everything."""
        old, new = before['figures'], after['figures']
        if old is None or new is None:
            self.fail('the library\'s figures could not be read')
        else:
            shown = ', '.join(f'{key} {value}' for key, value in new.items())
            print(f'\nafter dropping the caches: {shown}')
            for key in ('nodes', 'lookups', 'records', 'handles'):
                if key in old or key in new:
                    self._judge(new.get(key) == old.get(key),
                                f'{key} held for the kernel: {new.get(key)}, '
                                f'as on the fresh mount ({old.get(key)})')
            if new.get('last_recovery_ns'):
                print(f'the last server\'s own figure for its recovery: '
                      f'{_ms(new["last_recovery_ns"] / 1e9)}')
            self._judge(new.get('poisoned', 0) == 0,
                        f'{new.get("poisoned", 0)} requests given up with EIO')
        print(f'descriptors of the last server: {after["descriptors"]} '
              f'({before["descriptors"]} in an idle one; each thread has some)')
        self._judge(after['files'] == before['files'],
                    f'{after["files"]} files open in the last server, as in an idle one '
                    f'({before["files"]})')

    def server_log(self, text):
        lines = [line for line in text.splitlines() if line.strip()]
        if lines:
            print(f'\nthe servers wrote {len(lines)} lines; the last ones:')
            for line in lines[-12:]:
                print(f'  {line[:200]}')

    def left(self, unmounted, leftovers, log):
        for text in leftovers:
            print(f'  left: {text}')
        self._judge(unmounted and not leftovers,
                    'no process, mount, descriptor or state file left after the unmount')
        bad = [word for word in ('Segmentation', 'AddressSanitizer', 'ThreadSanitizer',
                                 'runtime error', 'terminate called', 'Assertion') if word in log]
        self._judge(not bad, f'the servers died only by our hand{": " + str(bad) if bad else ""}')

    def draw(self, path):
        if self._records:
            demo_svg.draw(path, self._records, self._kills, self._start, self._seconds)
            print(f'\n{path} shows operations and slowest calls over time')

    def verdict(self):
        print()
        for fine, text in self._criteria:
            print(f'  {"ok    " if fine else "FAILED"}  {text}')
        bad = sum(not fine for fine, _ in self._criteria)
        print(f'\n{"the demonstration failed" if bad else "the applications noticed nothing"}')
        return 1 if bad or not self._criteria else 0
