"""Runs a server, and runs it again whenever it ends while its mount is there, as a unit with Restart= does:
for mounts that no keeper looks after. Like a keeper it is a process of its own, since one that has files of
the mount open cannot start anything while nobody serves: closing them waits for the server."""

import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fusetest import connection  # noqa: E402  pylint: disable=wrong-import-position

PAUSE = 0.1  # after an end that nobody's signal was the cause of


def main():
    point, command = sys.argv[1], sys.argv[2:]
    while True:
        code = subprocess.call(command)
        if connection.find(point) is None:
            return code if code >= 0 else 128 - code
        if code >= 0:
            time.sleep(PAUSE)


if __name__ == '__main__':
    sys.exit(main())
