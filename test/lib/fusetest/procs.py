"""Finding and ending processes. Every process started by the harness inherits a tag in its
environment, so that servers, keepers and successors of one mount can be told from anybody else's."""

import os
import resource
import signal
import time

TAG = 'FUSETEST_TAG'


def raise_file_limit(wanted=300_000):
    """Lets this process and those it starts have many files open: passthrough_ll keeps one for each
    file that the kernel remembers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), max(hard, wanted)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _read(pid, name):
    try:
        with open(f'/proc/{pid}/{name}', 'rb') as file:
            return file.read()
    except OSError:
        return b''


def exe_of(pid):
    """The path of a process's executable, '' when it is gone or a zombie."""
    try:
        return os.readlink(f'/proc/{pid}/exe').removesuffix(' (deleted)')
    except OSError:
        return ''


def is_alive(pid):
    """Whether a process exists and is no zombie."""
    stat = _read(pid, 'stat')
    return bool(stat) and stat.rpartition(b')')[2].split()[0] not in (b'Z', b'X')


def state_of(pid):
    """The one-letter state of a process, '' when it is gone."""
    stat = _read(pid, 'stat')
    return stat.rpartition(b')')[2].split()[0].decode() if stat else ''


def cmdline(pid):
    return [part.decode(errors='replace') for part in _read(pid, 'cmdline').split(b'\0')[:-1]]


def fd_count(pid):
    """How many descriptors a process has open, None when it cannot be told."""
    try:
        return len(os.listdir(f'/proc/{pid}/fd'))
    except OSError:
        return None


def open_files(pid):
    """The files and folders a process has open, as paths: not its devices, pipes and sockets, of
    which a server's threads have some each."""
    found = []
    try:
        for fd in os.listdir(f'/proc/{pid}/fd'):
            try:
                target = os.readlink(f'/proc/{pid}/fd/{fd}')
            except OSError:
                continue
            if target.startswith('/') and not target.startswith(('/dev/fuse', '/dev/null')):
                found.append(target)
    except OSError:
        pass
    return found


def all_pids():
    return [int(name) for name in os.listdir('/proc') if name.isdigit()]


def tagged(tag):
    """Living processes that inherited this tag, except the one asking."""
    needle = f'{TAG}={tag}'.encode()
    return [pid for pid in all_pids()
            if pid != os.getpid() and needle in _read(pid, 'environ').split(b'\0')
            and is_alive(pid)]


def running(exe, argument=None):
    """Living processes of this executable that name `argument` on their command line, oldest first.
    A process that was forked and has not called exec yet is not one of them."""
    exe, found = str(exe), []
    for pid in all_pids():
        if exe_of(pid) != exe or not is_alive(pid):
            continue
        if argument is None or argument in cmdline(pid):
            found.append((start_time(pid), pid))
    return [pid for _, pid in sorted(found)]


def start_time(pid):
    fields = _read(pid, 'stat').rpartition(b')')[2].split()
    return int(fields[19]) if len(fields) > 19 else 0


def send(pid, number, exe=None):
    """Sends a signal to a process through a pidfd, so that a pid that was given to somebody else in
    between is never hit. Returns the moment just before (monotonic ns), or None when it was gone.
    A process that is to stop has done so on return: its threads run on until one takes the signal."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return None
    try:
        if exe is not None and exe_of(pid) != str(exe):
            return None
        moment = time.monotonic_ns()
        signal.pidfd_send_signal(fd, number)
        if number == signal.SIGSTOP:
            wait_until(lambda: state_of(pid) in ('T', 't', 'Z', 'X', ''), 5)
        return moment
    except ProcessLookupError:
        return None
    finally:
        os.close(fd)


def wait_until(condition, seconds, step=0.005):
    """Polls until the condition holds; its value, or its last (false) value after the time is up."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() >= end:
            return value
        time.sleep(step)
