"""Several applications at once: which request a crash hits is a matter of chance, what they get is
not."""

import os
import threading


APPLICATIONS = 4


def _application(s, number):
    """Relative names: threads share the current folder."""
    name = f'f{number}'
    fd = s.made(os.O_CREAT | os.O_EXCL | os.O_RDWR, name)
    results = [s.do(os.write, fd, name.encode() * 1000), s.do(os.mkdir, f'd{number}'),
               s.do(os.rename, name, f'd{number}/g'), s.do(os.pread, fd, 4, 0),
               s.do(os.symlink, name, f'l{number}'), s.do(os.link, f'd{number}/g', f'k{number}'),
               s.do(os.unlink, f'd{number}/g'), s.do(os.rmdir, f'd{number}'), s.close(fd)]
    return results + [s.look(f'k{number}'), s.look(f'l{number}')]


def parallel(s):
    """Each in names of its own."""
    results = [None] * APPLICATIONS
    threads = [threading.Thread(target=lambda i=i: results.__setitem__(i, _application(s, i)))
               for i in range(APPLICATIONS)]
    s.begin()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def parallel_appends(s):
    """To one file, through one descriptor each: every line is there once."""
    name = s.file('f')
    fds = [s.open(name, os.O_WRONLY | os.O_APPEND) for _ in range(APPLICATIONS)]
    results = [None] * APPLICATIONS

    def append(i):
        results[i] = [s.do(os.write, fds[i], f'{i}.{line}\n'.encode()) for line in range(6)]

    threads = [threading.Thread(target=append, args=(i,)) for i in range(APPLICATIONS)]
    s.begin()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open(name, encoding='ascii') as file:
        lines = file.read().splitlines()
    # Their order is chance: the file is emptied, so that comparing the trees does not meet it.
    os.truncate(name, 0)
    return [results, sorted(lines)]


def one_name(s):
    """All want the same name: exactly one gets it."""
    results = [None] * APPLICATIONS
    threads = [threading.Thread(target=lambda i=i: results.__setitem__(i, s.do(os.mkdir, 'd')))
               for i in range(APPLICATIONS)]
    s.begin()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [sorted(map(str, results)), s.look('d')]


SCRIPTS = [parallel, parallel_appends, one_name]
