"""What the library says about a connection's recovery."""

import subprocess
from pathlib import Path

from . import paths


def state_file(runtime_dir, number):
    return Path(runtime_dir) / f'{number}.state'


def read_figures(runtime_dir, number):
    """The figures of a living connection as a dictionary of integers (generation, nodes, lookups,
    handles, replayed, poisoned, stale, ...), read from its state file by the built `state-info`,
    which prints one "name value" per line. None when there is no such tool or no state."""
    tool, state = paths.tool('state-info'), state_file(runtime_dir, number)
    if tool is None or not state.exists():
        return None
    run = subprocess.run([str(tool), str(state)], capture_output=True, text=True, timeout=20,
                         check=False)
    if run.returncode != 0:
        return None
    figures = {}
    for line in run.stdout.splitlines():
        name, _, value = line.replace(':', ' ').replace('=', ' ').partition(' ')
        try:
            figures[name.strip()] = int(value.strip().split()[0], 0)
        except (ValueError, IndexError):
            continue
    return figures
