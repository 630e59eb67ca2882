"""What the tests of the patched kernel get."""

import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from rawfs import Mount  # noqa: E402  pylint: disable=wrong-import-position


@pytest.fixture
def mounts(tmp_path):
    """Makes mounts, and ends what a test left of them; after five minutes at the latest."""
    made = []

    def make(settings=None):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Mount(folder, settings))
        return made[-1]

    def end():
        for mount in made:
            mount.stop()

    dog = threading.Timer(300, end)
    dog.daemon = True
    dog.start()
    yield make
    dog.cancel()
    end()


class Call(threading.Thread):
    """A call that may take long, in a thread."""

    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self._function, self._args = function, args
        self._result, self._error = None, None
        self.start()

    def run(self):
        try:
            self._result = self._function(*self._args)
        except OSError as error:
            self._error = error

    def result(self, seconds=20):
        self.join(seconds)
        assert not self.is_alive(), f'no end after {seconds} s'
        if self._error:
            raise self._error
        return self._result


@pytest.fixture
def call():
    return Call
