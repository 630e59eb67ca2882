"""An application: changes a file and compares what it reads with what must be there, until its input ends.
Then it says how many rounds it made, or what went wrong."""
# SPDX-License-Identifier: GPL-2.0

import mmap
import os
import random
import select
import sys

SIZE, BLOCK = 1 << 18, 4096


def changes(fd, model, rng):
    """Random blocks by write, read back."""
    start = rng.randrange(SIZE // BLOCK - 4) * BLOCK
    data = rng.randbytes(rng.randrange(1, 5) * BLOCK)
    if os.pwrite(fd, data, start) != len(data):
        raise OSError('a short write')
    model[start:start + len(data)] = data
    if rng.random() < 0.2:
        os.fsync(fd)
    start = rng.randrange(SIZE // BLOCK) * BLOCK
    if os.pread(fd, BLOCK, start) != bytes(model[start:start + BLOCK]):
        raise OSError('another content')


def stores(view, model, rng):
    """The same through a shared mapping."""
    start, data = rng.randrange(SIZE - 600), rng.randbytes(600)
    view[start:start + 600] = data
    model[start:start + 600] = data
    if rng.random() < 0.2:
        view.flush()
    if rng.random() < 0.1 and view[:] != bytes(model):
        raise OSError('another content')


def main():
    path, how = sys.argv[1:]
    model, rng, rounds = bytearray(SIZE), random.Random(5), 0
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.pwrite(fd, model, 0)
    view = mmap.mmap(fd, SIZE) if how == 'mapped' else None
    print('ready', flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        if view is not None:
            stores(view, model, rng)
        else:
            changes(fd, model, rng)
        rounds += 1
        if rng.random() < 0.1:
            os.rename(path, f'{path}.{rounds}')
            os.rename(f'{path}.{rounds}', path)
    if view is not None:
        view.flush()
    os.fsync(fd)
    with open(path, 'rb') as file:
        if file.read() != bytes(model):
            raise OSError('another content at the end')
    os.close(fd)
    print(rounds, flush=True)


if __name__ == '__main__':
    main()
