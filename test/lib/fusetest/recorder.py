"""What one workload saw: every call with its time, every error, written as it happens."""

import errno
import json
import threading
import time
from pathlib import Path


class Recorder:
    """Lines of "start end count slowest op" (monotonic ns), then a summary as JSON. `count` and
    `slowest` differ from 1 and end - start where one line stands for many calls (fio's windows)."""

    def __init__(self, out):
        self._path = Path(out)
        self._file = open(self._path, 'w', encoding='utf-8', buffering=1 << 16)
        self._lock = threading.Lock()
        self.operations, self.errors, self.slowest, self.details = 0, [], (0, ''), {}

    def call(self, op, function, *args, **kwargs):
        """Runs one call and notes it. An OSError is noted as an error of the application, and the
        call's value is then None."""
        start = time.monotonic_ns()
        value = None
        try:
            value = function(*args, **kwargs)
        except OSError as error:
            name = errno.errorcode.get(error.errno, str(error.errno))
            self.error(f'{op}: {name}: {error.filename or args[:1]}')
        self.note(op, start, time.monotonic_ns())
        return value

    def note(self, op, start, end, count=1, slowest=None):
        slowest = end - start if slowest is None else slowest
        with self._lock:
            first = self.operations == 0
            self.operations += count
            self.slowest = max(self.slowest, (slowest, op))
            self._file.write(f'{start} {end} {count} {slowest} {op}\n')
            if first:
                self._file.flush()

    def error(self, text):
        self.errors.append(text)

    def check(self, fine, text):
        """Notes an error when what an application relies on does not hold."""
        if not fine:
            self.errors.append(text)
        return fine

    def close(self):
        self._file.close()
        summary = {'operations': self.operations, 'errors': self.errors,
                   'slowest_ns': self.slowest[0], 'slowest_op': self.slowest[1],
                   'details': self.details}
        self._path.with_suffix('.json').write_text(json.dumps(summary), encoding='utf-8')


class Record:
    """A workload's record as read back."""

    def __init__(self, name, out):
        self.name, out = name, Path(out)
        self.calls = []
        if out.exists():
            for line in out.read_text(encoding='utf-8').splitlines():
                fields = line.split(' ', 4)
                if len(fields) == 5:
                    self.calls.append((*(int(field) for field in fields[:4]), fields[4]))
        summary = out.with_suffix('.json')
        self.complete = summary.exists()
        data = json.loads(summary.read_text(encoding='utf-8')) if self.complete else {}
        self.operations = data.get('operations', 0)
        self.errors = list(data.get('errors', []))
        self.slowest = data.get('slowest_ns', 0) / 1e9
        self.slowest_op = data.get('slowest_op', '')
        self.details = data.get('details', {})
