"""What the campaign prints, line by line."""


def wanted(cli, plan, script):
    """Whether --only lets this one through."""
    return not cli.only or any(word in (plan, script, f'{plan}/{script}') for word in cli.only)


class Report:
    """The lines, and the counts for the last one."""

    def __init__(self, verbose):
        self._verbose = verbose
        self.points = self.differences = self.failed = 0
        self.covered = {}  # which operations met crashes: {(interface, how): numbers}

    def passed(self, name, detail=''):
        print(f'PASS {name}' + (f': {detail}' if detail else ''), flush=True)

    def failure(self, name, detail):
        self.failed += 1
        print(f'FAIL {name}: ' + ' | '.join(detail.splitlines()), flush=True)

    @staticmethod
    def skipped(name, why):
        print(f'SKIP {name}: {why}', flush=True)

    def cover(self, interface, how, opcodes):
        """Requests of these kinds were received in a script that was tried in this way."""
        self.covered.setdefault((interface, how), set()).update(opcodes)

    def note(self, text):
        if self._verbose:
            print(f'  {text}', flush=True)
