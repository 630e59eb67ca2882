"""The mounts that are gone through, and what a run of the cases comes to."""

import functools

import executor
from fusetest import paths


class Way:
    """One kind of mount; `base` is where its source is, `killed`: its server is, all the time;
    `together`: server and cases share a processor. They take turns, and a turn is several times as
    long where it has to wake another processor, a virtual one most of all."""

    def __init__(self, name, example='passthrough_ll', args=('-f',), options=(), killed=False,
                 base='tmpfs', together=False):
        self.name, self.example, self.args = name, example, list(args)
        self.options, self.killed, self.base = list(options), killed, base
        self.together = together


WAYS = [Way('ll', args=('-f', '-s'), together=True), Way('ll-mt'),
        Way('ll-killed', args=('-f', '-s'), killed=True, together=True),
        Way('ll-mt-killed', killed=True)]
LONG_WAYS = [
    Way('ll-disk', base='/var/tmp'), Way('ll-disk-killed', base='/var/tmp', killed=True),
    Way('ll-clone', options=['clone_fd']), Way('ll-no-splice', options=['no_splice']),
    Way('ll-no-readdirplus', options=['no_readdirplus']),
    Way('ll-no-cache', options=['cache=never']),
    Way('ll-locks', options=['flock', 'posix_lock']),
    Way('ll-backing', options=['backing']),
    Way('ll-clone-killed', options=['clone_fd'], killed=True),
    Way('ll-no-cache-killed', options=['cache=never'], killed=True)]
if paths.example('passthrough').exists():
    WAYS += [Way('hl', 'passthrough', together=True),
             Way('hl-killed', 'passthrough', killed=True, together=True)]
    LONG_WAYS += [Way('hl-apart', 'passthrough'), Way('hl-apart-killed', 'passthrough', killed=True)]


@functools.cache
def case_names():
    return sorted(executor.load())


def keyed(seen):
    """What was seen by what was done; what was done several times is numbered."""
    found, count = {}, {}
    for what, value in seen:
        number = count[what] = count.get(what, 0) + 1
        found[f'{what} #{number}' if number > 1 else what] = value
    return found
