"""Somebody else's program under test: mounted with this library in place of the one it was built
for."""

import os
from pathlib import Path

from . import paths, procs
from .filesystem import Filesystem

NOBODY = 65534


class Program(Filesystem):
    """`exe` is the executable as /proc shows it, `line` its whole command line, in which one argument
    is the mountpoint. Everything else is as with an example of our own.

    The library is found through LD_LIBRARY_PATH; `libraries` names more folders to search. With
    FUSE_TEST_LIBRARY=system in the environment the machine's own libfuse3 serves (which knows nothing
    of reconnect): that tells a fault of the test from one of the library."""

    def __init__(self, exe, line=None, libraries=(), **kwargs):
        super().__init__(str(exe), **kwargs)
        self.line, self._libraries = line, [str(folder) for folder in libraries]

    @staticmethod
    def on_the_system_library():
        return os.environ.get('FUSE_TEST_LIBRARY') == 'system'

    def library_folders(self):
        ours = [] if self.on_the_system_library() else paths.library_folders()
        return [*(str(folder) for folder in ours), *self._libraries]

    def environment(self):
        env = super().environment()
        if self.library_folders():
            env['LD_LIBRARY_PATH'] = ':'.join(self.library_folders())
        env['LC_ALL'] = 'C.UTF-8'
        return env

    def command(self, options=None):
        return [*self.prefix, *(str(part) for part in self.line)]

    def libraries(self):
        """The files named libfuse* that the server has mapped, without those of `libraries`."""
        found = set()
        maps = Path(f'/proc/{self.server()}/maps').read_text(encoding='utf-8', errors='replace')
        for line in maps.splitlines():
            path = line.partition('/')[2]
            if (os.path.basename(path).startswith('libfuse')
                    and '/' + os.path.dirname(path) not in self._libraries):
                found.add('/' + path)
        return found

    def check_library(self):
        """Fails when the server runs on another libfuse than the one that is meant."""
        found, ours = self.libraries(), str(paths.build_dir() / 'lib') + os.sep
        wrong = [path for path in found if path.startswith(ours) == self.on_the_system_library()]
        if wrong or not found:
            raise RuntimeError(f'{self.exe.name} runs on {sorted(found) or "no libfuse"}')

    def helpers(self):
        """Living processes this mount brought which are neither server nor keeper (sshfs's ssh)."""
        known = {*self.servers(), *self.keepers()}
        return [pid for pid in procs.tagged(self.tag) if pid not in known]
