"""Applications that write, read back and compare for as long as servers are killed."""

import os
import random
import threading
import time

import rawfs


def _work(mount, number, stop):
    chance, content, count = random.Random(number), bytearray(rawfs.FILE_SIZE), 0
    fd = os.open(mount.point / f'f{number}', os.O_RDWR)
    while not stop.is_set() or count < 20:
        count += 1
        start = chance.randrange(rawfs.FILE_SIZE - 70000)
        data = chance.randbytes(chance.choice((1, 4096, 70000)))
        assert os.pwrite(fd, data, start) == len(data)
        content[start:start + len(data)] = data
        if chance.random() < 0.2:
            os.fsync(fd)
        start = chance.randrange(rawfs.FILE_SIZE)
        seen = os.pread(fd, 4096, start)
        assert seen == bytes(content[start:start + len(seen)])
    os.fsync(fd)
    os.close(fd)
    size = mount.store.size(number)
    start = number * rawfs.FILE_SIZE
    assert mount.store.data[start:start + size] == bytes(content[:size])
    return count


def under_kills(mount, call, generations, succeed):
    """Three of them, while the server of each generation is killed and succeed(generation, rng)
    starts the next one."""
    rng, stop = random.Random(7), threading.Event()
    workers = [call(_work, mount, number, stop) for number in range(3)]
    for generation in range(1, generations + 1):
        time.sleep(rng.random() * 0.03)
        mount.kill()
        succeed(generation, rng)
    stop.set()
    assert all(worker.result(60) >= 20 for worker in workers)
