"""What a case is given: ways to do things as somebody, and to write down what came of it."""

import contextlib
import errno
import hashlib
import os
import signal
import stat
import time

# Users; the first one's group has the second as a member.
OWNER, MEMBER, STRANGER = 1201, 1202, 1203
GROUP, OTHER_GROUP = 1301, 1302
USERS = {'root': (0, 0, []), 'owner': (OWNER, GROUP, []), 'member': (MEMBER, OTHER_GROUP, [GROUP]),
         'stranger': (STRANGER, OTHER_GROUP, [])}
OLD = 978_307_200  # 2001-01-01: before anything that happens here
CASES = {}
MOST_BYTES = 48
# File systems take their time from a clock that ticks; more than a tick of it.
TICK = 0.012


def case(function):
    """Makes a function of one argument, a Scene, a case; its name must be its own."""
    assert function.__name__ not in CASES, f'two cases are called {function.__name__}'
    CASES[function.__name__] = function
    return function


def plain(value):
    """A result in a form that can be compared between two file systems."""
    if isinstance(value, os.stat_result):
        return attributes(value)
    if isinstance(value, bytes):
        if len(value) <= MOST_BYTES:
            return value.decode('latin-1')
        return f'{len(value)} bytes {hashlib.md5(value).hexdigest()}'
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(part) for part in value)
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    return value


def pattern(size, seed=0):
    """Bytes of which no two blocks are alike."""
    return bytes((i * 7 + (i >> 8) * 31 + seed) & 0xff for i in range(size))


def content(path, folder=None):
    # With a buffer Python would ask whether it is a terminal.
    with open(os.open(path, os.O_RDONLY, dir_fd=folder), 'rb', buffering=0) as file:
        return file.read()


def same(one, other):
    """Whether both names are of one file."""
    return os.path.samestat(os.lstat(one), os.lstat(other))


def attributes(found):
    """What of stat(2) is the same everywhere; the size of a directory is not."""
    kind = stat.S_IFMT(found.st_mode)
    size = found.st_size if kind != stat.S_IFDIR else -1
    device = f' device {os.major(found.st_rdev)}:{os.minor(found.st_rdev)}' * (found.st_rdev != 0)
    return (f'{stat.filemode(found.st_mode)} links {found.st_nlink} {found.st_uid}:{found.st_gid} '
            f'size {size}{device}')


def snapshot(top):
    """Attributes and contents of everything below a folder, by path. It asks for no more than it needs,
    for it is what most of the requests are for: by descriptors of the folders, since paths are walked anew
    each time, and without following links, as os.walk() does to see whether they lead to folders: one
    that leads to itself is forty requests."""
    found = {}
    _describe_all(os.open(top, os.O_RDONLY | os.O_DIRECTORY), top, found)
    return found


def _describe_all(folder, path, found):
    """Of an open folder, which is closed."""
    try:
        with os.scandir(folder) as entries:
            listed = list(entries)
        for entry in listed:
            name = f'{path}/{entry.name}'
            found[name] = _described(entry.name, folder)
            if entry.is_dir(follow_symlinks=False):
                _describe_all(os.open(entry.name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder), name,
                              found)
    finally:
        os.close(folder)


def _described(name, folder):
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    text = attributes(status)
    if stat.S_ISREG(status.st_mode):
        text += f' {plain(content(name, folder))}'
    if stat.S_ISLNK(status.st_mode):
        text += f' to {os.readlink(name, dir_fd=folder)[:64]}'
    return text


def error_name(error):
    return errno.errorcode.get(error.errno, str(error.errno))


class Scene:
    """One run of one case, in the folder it may use as it likes, which is the current one."""

    def __init__(self):
        self.seen = []  # (what was done, what came of it)

    def saw(self, what, value):
        """Writes something down."""
        self.seen.append((what, plain(value)))

    def do(self, function, *args, what='', **kwargs):
        """Calls it, and writes down the result or the errno. The result, None after an error."""
        name = what or getattr(function, '__name__', 'call')
        try:
            value = function(*args, **kwargs)
        except OSError as error:
            self.saw(name, error_name(error))
            return None
        self.saw(name, value)
        return value

    def open(self, path, flags=os.O_RDONLY, mode=0o644, what='', dir_fd=None):
        """The descriptor, None after an error; only which of the two it was is written down."""
        try:
            fd = os.open(path, flags, mode, dir_fd=dir_fd)
        except OSError as error:
            self.saw(what or 'open', error_name(error))
            return None
        self.saw(what or 'open', 'opened')
        return fd

    def look(self, path='.', what=''):
        """Attributes of one file, and where it leads if it is a link."""
        self.do(os.lstat, path, what=what or f'lstat {path}')
        if os.path.islink(path):
            self.do(os.readlink, path, what=f'readlink {path}')

    def tree(self, top='.'):
        """Attributes and contents of everything below a folder."""
        self.saw('tree', snapshot(top))

    # -- making what a case starts from; this is not written down ----------------------------------

    @staticmethod
    def file(path, content=b'', mode=0o644, owner=None):
        with open(path, 'wb') as file:
            file.write(content)
        if owner:
            os.chown(path, *owner)
        os.chmod(path, mode)
        return path

    @staticmethod
    def folder(path, mode=0o755, owner=None):
        os.mkdir(path)
        if owner:
            os.chown(path, *owner)
        os.chmod(path, mode)
        return path

    # -- who does it -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def as_user(self, name):
        """What is done within is done by another user, without privileges unless it is root."""
        uid, gid, groups = USERS[name]
        os.setgroups(groups)
        os.setresgid(gid, gid, 0)
        os.setresuid(uid, uid, 0)  # the saved one is the way back
        try:
            yield
        finally:
            os.setresuid(0, 0, 0)
            os.setresgid(0, 0, 0)
            os.setgroups([])

    def child(self, function):
        """Calls it in another process; what that writes down comes here."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            run_child(function, self, writer)
        os.close(writer)
        with open(reader, 'rb') as pipe:
            text = pipe.read()
        _, status = os.waitpid(pid, 0)
        self.saw('child', text.decode() if status == 0 else f'status {status}')

    # -- times -------------------------------------------------------------------------------------

    @staticmethod
    def age(*paths):
        """Gives files times of long ago, then waits until the clock has gone on."""
        for path in paths:
            os.utime(path, (OLD, OLD), follow_symlinks=False)
        time.sleep(TICK)

    @contextlib.contextmanager
    def times(self, what, *paths):
        """Writes down which times of these files what is done within has changed, and whether they
        are of now then. Files that are gone afterwards are left out."""
        self.age(*paths)
        before = {path: os.lstat(path) for path in paths}
        start = time.time()
        yield
        for path, old in before.items():
            try:
                new = os.lstat(path)
            except FileNotFoundError:
                continue
            self.saw(f'times of {path} after {what}', _moved(old, new, start))


def _moved(old, new, start):
    moved = []
    for name in ('st_atime_ns', 'st_mtime_ns', 'st_ctime_ns'):
        was, has = getattr(old, name), getattr(new, name)
        if was != has:
            now = start - 1 <= has / 1e9 <= time.time() + 1
            moved.append(f'{name[3:8]} {"now" if now else "another"}')
    return moved


def run_child(function, scene, writer):
    """The end of a forked process: it must not run what its parent has still to do."""
    code = 1
    try:
        scene.seen = []
        function()
        os.write(writer, repr(scene.seen).encode())
        code = 0
    finally:
        signal.alarm(0)
        os._exit(code)  # pylint: disable=protected-access
