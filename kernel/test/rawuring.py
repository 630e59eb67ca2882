"""Requests over io_uring as the kernel gives them, by system calls alone: one queue with some entries. A
guest has one processor, so the order of stores to the rings is that of the program."""

import ctypes
import mmap
import os
import struct

SETUP, ENTER = 425, 426
SETUP_SQE128, ENTER_GETEVENTS = 1 << 10, 1
OP_URING_CMD, REGISTER, COMMIT_AND_FETCH = 46, 1, 2
SQE_SIZE, CQE_SIZE = 128, 16
OFFSET_SQ, OFFSET_CQ, OFFSET_SQES = 0, 0x8000000, 0x10000000
# struct fuse_uring_req_header: the common header, that of the operation, and about the payload
HEADERS, OPERATION, ABOUT = 288, 128, 256
IN_HEADER = 40
LIBC = ctypes.CDLL(None, use_errno=True)


def _call(number, *args):
    result = LIBC.syscall(ctypes.c_long(number), *args)
    if result < 0:
        raise OSError(ctypes.get_errno(), 'io_uring')
    return result


class Entry:
    """The memory of one entry."""

    def __init__(self, payload):
        self.memory = mmap.mmap(-1, 4096 + payload)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.vector = (ctypes.c_uint64 * 4)(self.base, HEADERS, self.base + 4096, payload)
        self.commit_id = 0


class Ring:
    def __init__(self, device, entries, payload):
        self.device, self.entries = device, [Entry(payload) for _ in range(entries)]
        params = (ctypes.c_uint32 * 30)()
        params[2] = SETUP_SQE128
        size = 64
        self.fd = _call(SETUP, ctypes.c_uint(size), params)
        sq, cq = params[10:20], params[20:30]
        self._sq = mmap.mmap(self.fd, sq[6] + 4 * params[0], offset=OFFSET_SQ)
        self._cq = mmap.mmap(self.fd, cq[5] + CQE_SIZE * params[1], offset=OFFSET_CQ)
        self._sqes = mmap.mmap(self.fd, SQE_SIZE * params[0], offset=OFFSET_SQES)
        self._sq_tail, self._sq_array, self._sq_mask = sq[1], sq[6], params[0] - 1
        self._cq_head, self._cq_tail, self._cqes, self._cq_mask = cq[0], cq[1], cq[5], params[1] - 1

    def _submit(self, command, number):
        entry = self.entries[number]
        tail = struct.unpack_from('<I', self._sq, self._sq_tail)[0]
        slot = tail & self._sq_mask
        vector = (ctypes.addressof(entry.vector), 2) if command == REGISTER else (0, 0)
        sqe = struct.pack('<BBHiQQIIQQQQQ', OP_URING_CMD, 0, 0, self.device, command, *vector, 0, number, 0,
                          0, entry.commit_id, 0)
        self._sqes[slot * SQE_SIZE:(slot + 1) * SQE_SIZE] = sqe.ljust(SQE_SIZE, b'\0')
        struct.pack_into('<I', self._sq, self._sq_array + 4 * slot, slot)
        struct.pack_into('<I', self._sq, self._sq_tail, tail + 1)
        _call(ENTER, self.fd, 1, 0, 0, None, ctypes.c_size_t(0))

    def register(self):
        for number in range(len(self.entries)):
            self._submit(REGISTER, number)

    def commit(self, number, reply):
        """`reply` as for the device, with its header."""
        entry, body = self.entries[number], reply[16:]
        entry.memory[0:16] = reply[:16]
        entry.memory[4096:4096 + len(body)] = body
        struct.pack_into('<I', entry.memory, ABOUT + 16, len(body))
        self._submit(COMMIT_AND_FETCH, number)

    def requests(self):
        """(entry, request as from the device) of what there is now."""
        head = struct.unpack_from('<I', self._cq, self._cq_head)[0]
        while head != struct.unpack_from('<I', self._cq, self._cq_tail)[0]:
            number, result, _ = struct.unpack_from('<QiI', self._cq, self._cqes + CQE_SIZE * (head & self._cq_mask))
            head += 1
            struct.pack_into('<I', self._cq, self._cq_head, head)
            if result < 0:
                raise OSError(-result, os.strerror(-result))
            yield number, self._request(self.entries[number])

    @staticmethod
    def _request(entry):
        entry.commit_id, size = struct.unpack_from('<QI', entry.memory, ABOUT + 8)
        whole = struct.unpack_from('<I', entry.memory)[0]
        return (entry.memory[:IN_HEADER] + entry.memory[OPERATION:OPERATION + whole - IN_HEADER - size] +
                entry.memory[4096:4096 + size])
