#!/usr/bin/python3
"""Runs cases in a folder, each in a process of its own, and prints what they saw as JSON.

    executor.py FOLDER [NAME...]

Run as root: cases become other users."""

import importlib
import json
import os
import shutil
import signal
import sys
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'lib')]
sys.dont_write_bytecode = True

import scene  # noqa: E402  pylint: disable=wrong-import-position

CASE_SECONDS = 120


def load():
    """All cases, by name."""
    for path in sorted(HERE.glob('cases_*.py')):
        importlib.import_module(path.stem)
    return scene.CASES


def run_case(function):
    """In a forked process: what the case saw, as the bytes of a JSON document."""
    made = scene.Scene()
    try:
        function(made)
    except Exception:  # pylint: disable=broad-except
        made.saw('case ended early', traceback.format_exc(limit=-2))
    return json.dumps(made.seen).encode()


def in_process(function):
    """The same from a process of its own, which a case may leave in any state."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        signal.alarm(CASE_SECONDS)
        text = run_case(function)
        with open(writer, 'wb') as pipe:
            pipe.write(text)
        os._exit(0)  # pylint: disable=protected-access
    os.close(writer)
    with open(reader, 'rb') as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    return json.loads(text) if status == 0 else [['process', f'ended with status {status}']]


def main():
    top, names = Path(sys.argv[1]), sys.argv[2:]
    cases, results = load(), {}
    os.umask(0o022)
    for name in names or list(cases):
        folder = top / name
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        os.chdir(folder)
        results[name] = in_process(cases[name])
        os.chdir('/')
        shutil.rmtree(folder)
    json.dump(results, sys.stdout)


if __name__ == '__main__':
    main()
