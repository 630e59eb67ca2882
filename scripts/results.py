"""Results of tests in the forms they come in: gtest's JSON, JUnit's XML, and plain lines."""

import fnmatch
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path


class Suite:
    """One suite's results by test name; a name that failed once has failed."""

    def __init__(self, name):
        self.name, self.passed, self.failed, self.skipped = name, set(), {}, {}
        self.seconds = 0.0

    def add_pass(self, test):
        if test not in self.failed:
            self.passed.add(test)

    def add_failure(self, test, detail=''):
        self.passed.discard(test)
        self.skipped.pop(test, None)
        self.failed.setdefault(test, detail.strip())

    def add_skip(self, test, why=''):
        if test not in self.failed:
            self.skipped[test] = why.strip()

    def total(self):
        return len(self.passed) + len(self.failed) + len(self.skipped)

    # -- reading ----------------------------------------------------------------------------------

    def read_gtest(self, path, prefix=''):
        """gtest's --gtest_output=json; false when there is no such file or it is cut short."""
        try:
            report = json.loads(Path(path).read_text(encoding='utf-8', errors='replace'))
        except (OSError, ValueError):
            return False
        for group in report.get('testsuites', []):
            for case in group.get('testsuite', []):
                name = f'{prefix}{group["name"]}.{case["name"]}'
                if case.get('failures'):
                    self.add_failure(name, case['failures'][0].get('failure', ''))
                elif case.get('status') == 'NOTRUN':
                    self.add_skip(name, 'disabled')
                elif case.get('result') == 'SKIPPED':
                    why = case.get('skipped') or [{}]
                    self.add_skip(name, why[0].get('message', ''))
                else:
                    self.add_pass(name)
        return True

    def read_junit(self, path):
        """pytest's --junit-xml; false when there is no such file or it is cut short."""
        try:
            root = ElementTree.parse(path).getroot()
        except (OSError, ElementTree.ParseError):
            return False
        for case in root.iter('testcase'):
            name = f'{case.get("classname", "").rpartition(".")[2]}.{case.get("name")}'
            bad = case.find('failure') if case.find('failure') is not None else case.find('error')
            skip = case.find('skipped')
            if bad is not None:
                self.add_failure(name, f'{bad.get("message") or ""}\n{bad.text or ""}')
            elif skip is not None:
                self.add_skip(name, skip.get('message') or '')
            else:
                self.add_pass(name)
        return True

    def read_lines(self, text, prefix=''):
        """Lines "PASS name", "FAIL name", "SKIP name: why"; how many there were."""
        count = 0
        for line in text.splitlines():
            word, _, rest = line.strip().partition(' ')
            if word not in ('PASS', 'FAIL', 'SKIP') or not rest:
                continue
            count += 1
            name, _, detail = rest.partition(': ')
            if word == 'PASS':
                self.add_pass(prefix + name)
            elif word == 'FAIL':
                self.add_failure(prefix + name, detail)
            else:
                self.add_skip(prefix + name, detail)
        return count


class AllowedSkips:
    """The file test/allowed-skips: patterns of "suite/test", one per line, # for remarks."""

    def __init__(self, path):
        lines = Path(path).read_text(encoding='utf-8').splitlines() if Path(path).exists() else []
        self._patterns = [line.split('#')[0].strip() for line in lines if line.split('#')[0].strip()]

    def allows(self, suite, test):
        # Brackets are part of pytest's names here and not a set of characters.
        return any(fnmatch.fnmatchcase(f'{suite}/{test}', pattern.replace('[', '[[]'))
                   for pattern in self._patterns)
