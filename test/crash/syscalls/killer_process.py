"""The program `killer` as an object."""

import select
import subprocess

ANSWER_SECONDS = 30


class KillerError(RuntimeError):
    """It did not answer, or not as it should."""


class Outcome:
    """What became of one arming: how many stops there were, and where the kills happened ('' where
    none was)."""

    def __init__(self, line):
        fields = dict(part.split('=', 1) for part in line.split()[1:])
        self.stops, self.stops2 = int(fields['stops']), int(fields['stops2'])
        self.killed = '' if fields['killed'] == '-' else fields['killed']
        self.killed2 = '' if fields['killed2'] == '-' else fields['killed2']
        self.opcodes = {int(number) for number in fields['opcodes'].split(',') if number != '-'}
        self.deaths = sum(len(text.split(',')) for text in (self.killed, self.killed2) if text)
        self.calm = 'busy' not in fields and 'stuck' not in fields
        self.line = line


class KillerProcess:
    """Ends servers at chosen system calls."""

    def __init__(self, program):
        self._process = subprocess.Popen([str(program)], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, bufsize=0)

    def _ask(self, line):
        self._process.stdin.write(line.encode() + b'\n')
        answer = b''
        while not answer.endswith(b'\n'):
            ready, _, _ = select.select([self._process.stdout], [], [], ANSWER_SECONDS)
            part = self._process.stdout.read(1024) if ready else b''
            if not part:
                raise KillerError(f'no answer to {line!r}')
            answer += part
        return answer.decode().strip()

    def arm(self, server, stop, keeper=0, stop2=-1, marker=-1, times=1):
        answer = self._ask(f'arm {server} {stop} {keeper} {stop2} {marker} {times}')
        if answer != 'armed':
            raise KillerError(f'arming for server {server}: {answer}')

    def arm_from(self, server, stop, marker):
        """Counts from the server's first call of that kind on."""
        answer = self._ask(f'await {server} {stop} {marker}')
        if answer != 'armed':
            raise KillerError(f'arming for server {server}: {answer}')

    def end(self):
        return Outcome(self._ask('end'))

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
