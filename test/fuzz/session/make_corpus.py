#!/usr/bin/env python3
"""Writes the first inputs of fuzz_session, one for each theme, into corpus/."""
import pathlib
import struct

FIT, NUMBER, ALL, HOLD = 1, 2, 4, 8


def packet(opcode, body=b"", how=FIT | NUMBER, node=1, extensions=0, unique=0, length=0):
    header = struct.pack("<IIQQIIIHH", length, opcode, unique, node, 0, 0, 0, extensions, 0)
    return struct.pack("<HB", len(header) + len(body), how) + header + body


def seed(*packets, minor=45, flags=0xff):
    return bytes([minor, flags]) + b"".join(packets)


LOCK = struct.pack("<QQQQIIII", 1, 2, 0, 9, 1, 3, 0, 0)
READ = struct.pack("<QQIIQII", 1, 0, 300, 0, 0, 0, 0)
SEEDS = {
    "names": seed(packet(1, b"name\0"), packet(6, b"name\0target\0"),
                  packet(8, struct.pack("<IIII", 0o644, 0, 0, 0) + b"node\0"),
                  packet(9, struct.pack("<II", 0o755, 0) + b"dir\0"), packet(10, b"gone\0"),
                  packet(12, struct.pack("<Q", 2) + b"old\0new\0"),
                  packet(45, struct.pack("<QII", 2, 1, 0) + b"old\0new\0"),
                  packet(13, struct.pack("<Q", 2) + b"link\0")),
    "files": seed(packet(35, struct.pack("<IIII", 2, 0o644, 0, 0) + b"file\0"),
                  packet(14, struct.pack("<II", 2, 0)), packet(15, READ),
                  packet(16, struct.pack("<QQIIQII", 1, 0, 4, 0, 0, 0, 0) + b"data"),
                  packet(18, struct.pack("<QIIQ", 1, 0, 3, 5))),
    "directories": seed(packet(27, bytes(8)), packet(28, READ), packet(44, READ),
                        packet(29, bytes(24))),
    "attributes": seed(packet(3, bytes(16)), packet(4, bytes(88)), packet(52, bytes(32)),
                       packet(17), packet(34, bytes(8)),
                       packet(21, struct.pack("<II", 3, 0) + b"user.a\0abc"),
                       packet(22, struct.pack("<II", 10, 0) + b"user.a\0"),
                       packet(23, bytes(8)), packet(24, b"user.a\0")),
    "locks": seed(packet(31, LOCK), packet(32, LOCK), packet(33, LOCK, FIT | NUMBER | HOLD)),
    "ioctl-poll": seed(packet(39, struct.pack("<QIIQII", 1, 0, 5, 6, 4, 4) + b"data"),
                       packet(40, struct.pack("<QQII", 1, 9, 1, 5))),
    "forget": seed(packet(2, struct.pack("<Q", 3)),
                   packet(42, struct.pack("<IIQQQQ", 2, 0, 5, 1, 6, 2)), flags=1),
    "forget-one-by-one": seed(packet(42, struct.pack("<IIQQQQ", 2, 0, 5, 1, 6, 2)), flags=0),
    "interrupt": seed(packet(15, READ, FIT | HOLD, unique=8),
                      packet(36, struct.pack("<Q", 8), FIT, unique=9)),
    "retrieved": seed(packet(41, struct.pack("<QQIIQQ", 0, 0, 3, 0, 0, 0) + b"abc", FIT, unique=1)),
    "every-opcode": seed(packet(0, bytes(range(1, 120)), FIT | NUMBER | ALL)),
    "extensions": seed(packet(1, b"name\0\0\0\0" + struct.pack("<IIII", 16, 32, 1, 7),
                              extensions=2)),
    "old": seed(packet(3), packet(40, struct.pack("<QQII", 1, 9, 1, 5)), minor=12, flags=0),
    "before-init": seed(packet(1, b"name\0"), minor=3),
    "twice-init": seed(packet(26, struct.pack("<IIII", 7, 45, 0, 0)), packet(38)),
    "torn": seed(packet(1, b"name", 0, length=77), struct.pack("<HB", 7, FIT) + bytes(7)),
}

corpus = pathlib.Path(__file__).parent / "corpus"
corpus.mkdir(exist_ok=True)
for name, content in SEEDS.items():
    (corpus / name).write_bytes(content)
