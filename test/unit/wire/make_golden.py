#!/usr/bin/env python3
"""Writes the golden packets and the fuzzer's first corpus.

The bytes are put together here with struct.pack from the protocol's documentation, field by field, so
that they know nothing of the library's own definitions. Run it from anywhere after changing it; what
it writes is kept in the tree: golden_packets.inc beside it, and test/fuzz/wire/corpus.
"""

import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
CORPUS = HERE.parent.parent / "fuzz" / "wire" / "corpus"

UNIQUE, NODE, UID, GID, PID = 0x0102030405060708, 0x1112131415161718, 1001, 1002, 1003
FH, FH2, OWNER = 0x2122232425262728, 0x3132333435363738, 0x4142434445464748
NODE2 = 0x5152535455565758
SETXATTR_EXT = 1 << 29
INIT_EXT = 1 << 30

requests = []
replies = []


def request(name, opcode, fixed=b"", rest=b"", *, node=NODE, minor=45, flags=0, required=None,
            extension=b""):
    """`required`: how much of the body a decoder must insist on; all of it unless said."""
    assert len(extension) % 8 == 0
    length = 40 + len(fixed) + len(rest) + len(extension)
    header = struct.pack("<IIQQIIIHH", length, opcode, UNIQUE, node, UID, GID, PID,
                         len(extension) // 8, 0)
    if required is None:
        required = len(fixed) + len(rest)
    requests.append((name, minor, flags, len(fixed), 40 + required,
                     header + fixed + rest + extension))


def reply(name, data):
    replies.append((name, data))


def make_requests():
    secctx = struct.pack("<II", 48, 1) + struct.pack("<II", 16, 0) + b"security.test\0" + \
        b"label_u:label_r\0" + b"\0\0"
    groups = struct.pack("<IIII", 16, 32, 1, 77)
    request("lookup", 1, rest=b"file.txt\0")
    request("lookup_dotdot", 1, rest=b"..\0")
    request("forget", 2, struct.pack("<Q", 9))
    request("getattr", 3, struct.pack("<IIQ", 0, 0, 0))
    request("getattr_fh", 3, struct.pack("<IIQ", 1, 0, FH))
    request("getattr_7.8", 3, minor=8)
    setattr_in = struct.pack("<IIQQQQQQIIIIIIII", 0x7ff, 0, FH, 0x6162636465666768, OWNER, 11, 12, 13,
                             21, 22, 23, 0o100640, 0, 31, 32, 0)
    request("setattr", 4, setattr_in)
    request("setattr_7.22", 4, setattr_in, minor=22)
    request("setattr_mode", 4, struct.pack("<IIQQQQQQIIIIIIII", 1, 0, FH, 0, OWNER, 0, 0, 0, 0, 0, 0,
                                           0o100600, 0, 0, 0, 0))
    request("readlink", 5)
    request("symlink", 6, rest=b"link\0../some/where\0")
    mknod_in = struct.pack("<IIII", 0o20644, 0x0103, 0o22, 0)
    request("mknod", 8, mknod_in, b"null\0")
    request("mknod_7.12", 8, mknod_in, b"null\0", minor=12)
    request("mknod_7.11", 8, mknod_in[:8], b"null\0", minor=11)
    mkdir_in = struct.pack("<II", 0o40755, 0o27)
    request("mkdir", 9, mkdir_in, b"dir\0")
    request("mkdir_7.11", 9, mkdir_in, b"dir\0", minor=11)
    request("mkdir_extended", 9, mkdir_in, b"dir\0", extension=secctx + groups)
    request("unlink", 10, rest=b"gone\0")
    request("rmdir", 11, rest=b"gonedir\0")
    request("rename", 12, struct.pack("<Q", NODE2), b"from\0to\0")
    request("rename2", 45, struct.pack("<QII", NODE2, 2, 0), b"from\0to\0")
    request("link", 13, struct.pack("<Q", NODE2), b"second\0")
    request("open", 14, struct.pack("<II", 0x8002, 1))
    request("opendir", 27, struct.pack("<II", 0x18000, 0))
    read_in = struct.pack("<QQIIQII", FH, 4096, 131072, 2, OWNER, 0x8000, 0)
    request("read", 15, read_in)
    request("read_7.8", 15, read_in[:24], minor=8)
    request("readdir", 28, read_in)
    request("readdirplus", 44, read_in)
    write_in = struct.pack("<QQIIQII", FH, 8192, 11, 7, OWNER, 0x8001, 0)
    request("write", 16, write_in, b"hello world")
    request("write_7.12", 16, write_in, b"hello world", minor=12)
    request("write_7.8", 16, write_in[:24], b"hello world", minor=8)
    request("write_empty", 16, struct.pack("<QQIIQII", FH, 0, 0, 0, 0, 0, 0))
    request("statfs", 17)
    release_in = struct.pack("<QIIQ", FH, 0x8002, 3, OWNER)
    request("release", 18, release_in)
    request("releasedir", 29, release_in)
    request("fsync", 20, struct.pack("<QII", FH, 1, 0))
    request("fsyncdir", 30, struct.pack("<QII", FH, 0, 0))
    request("setxattr", 21, struct.pack("<II", 5, 1), b"user.a/b\0value")
    request("setxattr_ext", 21, struct.pack("<IIII", 5, 2, 1, 0), b"user.a/b\0value",
            flags=SETXATTR_EXT)
    request("setxattr_empty", 21, struct.pack("<II", 0, 0), b"user.empty\0")
    request("getxattr", 22, struct.pack("<II", 256, 0), b"user.key\0")
    request("listxattr", 23, struct.pack("<II", 512, 0))
    request("removexattr", 24, rest=b"user.key\0")
    request("flush", 25, struct.pack("<QIIQ", FH, 0, 0, OWNER))
    old_init = struct.pack("<IIII", 7, 31, 131072, 0x3fffffff)
    new_init = struct.pack("<IIIII", 7, 45, 131072, 0x7fffffff, 0x7ff) + bytes(44)
    request("init_7.31", 26, old_init, node=0)
    request("init", 26, new_init, node=0)
    request("init_8", 26, struct.pack("<II", 8, 1) + bytes(8), node=0, required=8)
    lk_in = struct.pack("<QQQQIIII", FH, OWNER, 100, 199, 1, 4242, 1, 0)
    request("getlk", 31, lk_in)
    request("setlk", 32, lk_in)
    request("setlkw", 33, lk_in)
    request("access", 34, struct.pack("<II", 6, 0))
    create_in = struct.pack("<IIII", 0x8242, 0o100664, 0o2, 1)
    request("create", 35, create_in, b"new\0")
    request("create_7.12", 35, create_in, b"new\0", minor=12)
    request("create_7.11", 35, create_in[:8], b"new\0", minor=11)
    # Linux 5.17 to 6.1 put the security context behind the name without counting it in the header.
    request("create_uncounted", 35, create_in, b"new\0" + secctx, minor=37, required=16 + 4)
    request("create_extended", 35, create_in, b"new\0", extension=secctx + groups)
    request("tmpfile", 51, create_in, b"/\0")
    request("interrupt", 36, struct.pack("<Q", UNIQUE - 1), node=0)
    request("bmap", 37, struct.pack("<QII", 17, 4096, 0))
    request("destroy", 38, node=0)
    request("ioctl", 39, struct.pack("<QIIQII", FH, 16, 0xc0045401, 0x7ffe0000, 4, 8), b"\1\2\3\4")
    request("poll", 40, struct.pack("<QQII", FH, 0x7172737475767778, 1, 5))
    request("poll_7.20", 40, struct.pack("<QQII", FH, 0x7172737475767778, 1, 5), minor=20)
    request("notify_reply", 41, struct.pack("<QQIIQQ", 0, 65536, 6, 0, 0, 0), b"cached")
    request("batch_forget", 42, struct.pack("<II", 3, 0),
            struct.pack("<QQQQQQ", NODE, 1, NODE2, 2, 77, 3), node=0)
    request("fallocate", 43, struct.pack("<QQQII", FH, 1 << 33, 1 << 34, 3, 0))
    request("lseek", 46, struct.pack("<QQII", FH, 1 << 35, 3, 0))
    copy_in = struct.pack("<QQQQQQQ", FH, 1, NODE2, FH2, 2, 1 << 36, 4)
    request("copy_file_range", 47, copy_in)
    request("copy_file_range_64", 53, copy_in)
    request("setupmapping", 48, struct.pack("<QQQQQ", FH, 1, 2, 3, 4))
    request("setupmapping_no_fh", 48, struct.pack("<QQQQQ", 2**64 - 1, 1, 2, 3, 4))
    request("removemapping", 49, struct.pack("<I", 2), struct.pack("<QQQQ", 1, 2, 3, 4))
    request("syncfs", 50, struct.pack("<Q", 0))
    request("statx", 52, struct.pack("<IIQII", 1, 0, FH, 0x2000, 0xfff))
    request("statx_no_fh", 52, struct.pack("<IIQII", 0, 0, 0, 0, 0x7ff))
    request("cuse_init", 4096, struct.pack("<IIII", 7, 45, 0, 1), node=0)


def attr(ino):
    return struct.pack("<QQQQQQIIIIIIIIII", ino, 1000, 8, 101, 102, 103, 201, 202, 203, 0o100644, 2,
                       501, 502, 0x0805, 4096, 0)


def entry(ino):
    # Entries are valid for 1.5 seconds, attributes for 2.25.
    return struct.pack("<QQQQII", ino, 6, 1, 2, 500000000, 250000000) + attr(ino)


def make_replies():
    reply("header_ok", struct.pack("<IiQ", 16 + 128, 0, UNIQUE))
    reply("header_error", struct.pack("<IiQ", 16, -2, UNIQUE))
    reply("entry", entry(42))
    reply("attr", struct.pack("<QII", 2, 250000000, 0) + attr(42))
    reply("open", struct.pack("<QII", FH, 0x6f, 0))
    reply("open_passthrough", struct.pack("<QIi", FH, 0x80, 12))
    reply("statfs", struct.pack("<QQQQQIIII", 1, 2, 3, 4, 5, 4096, 255, 512, 0) + bytes(24))
    reply("statx", struct.pack("<QIIQQ", 2, 250000000, 1, 0, 0) +
          struct.pack("<IIQIIIHHQQQQ", 0xfff, 4096, 0x10, 2, 501, 502, 0o100644, 0, 42, 1000, 8,
                      0x30) +
          b"".join(struct.pack("<qIi", 100 + n, 200 + n, 0) for n in range(4)) +
          struct.pack("<IIII", 8, 5, 9, 6) + bytes(112))
    reply("lock", struct.pack("<QQII", 100, 199, 1, 4242))
    reply("lock_to_end", struct.pack("<QQII", 100, 2**63 - 1, 0, 1))
    reply("write", struct.pack("<II", 4096, 0))
    reply("copy_file_range", struct.pack("<Q", 1 << 40))
    reply("xattr_size", struct.pack("<II", 77, 0))
    reply("bmap", struct.pack("<Q", 99))
    reply("lseek", struct.pack("<Q", 1 << 41))
    reply("poll", struct.pack("<II", 5, 0))
    reply("ioctl", struct.pack("<iIII", -7, 0, 0, 0))
    reply("ioctl_retry", struct.pack("<iIII", 0, 4, 1, 2))
    create = entry(42) + struct.pack("<QII", FH, 2, 0)
    reply("create", create)
    reply("create_7.8", entry(42)[:120] + struct.pack("<QII", FH, 2, 0))
    reply("dirent", struct.pack("<QQII", 42, 3, 5, 8) + b"hello" + bytes(3))
    plus = entry(42) + struct.pack("<QQII", 42, 3, 5, 8) + b"hello" + bytes(3)
    plus2 = entry(43) + struct.pack("<QQII", 43, 4, 8, 8) + b"eightlng"
    reply("direntplus", plus)
    reply("readdirplus", plus + plus2)
    reply("notify_poll", struct.pack("<IiQ", 24, 1, 0) + struct.pack("<Q", 7))
    reply("notify_inval_inode", struct.pack("<IiQ", 40, 2, 0) + struct.pack("<Qqq", NODE, -1, 5))
    reply("notify_inval_entry", struct.pack("<IiQ", 36, 3, 0) + struct.pack("<QII", NODE, 3, 1))
    reply("notify_store", struct.pack("<IiQ", 140, 4, 0) + struct.pack("<QQII", NODE, 512, 100, 0))
    reply("notify_retrieve",
          struct.pack("<IiQ", 48, 5, 0) + struct.pack("<QQQII", UNIQUE, NODE, 512, 100, 0))
    reply("notify_delete", struct.pack("<IiQ", 44, 6, 0) + struct.pack("<QQII", NODE, NODE2, 3, 0))
    reply("notify_resend", struct.pack("<IiQ", 16, 7, 0))
    reply("notify_inc_epoch", struct.pack("<IiQ", 16, 8, 0))
    reply("notify_prune", struct.pack("<IiQ", 48, 9, 0) + struct.pack("<IIQ", 2, 0, 0))


def c_bytes(data):
    text = data.hex()
    lines = [text[i:i + 80] for i in range(0, len(text), 80)] or [""]
    return "\n".join(f'     "{line}"' for line in lines)


def write_packets():
    out = ["// Written by make_golden.py.", "// name, minor, flags, fixed, required, bytes",
           "constexpr GoldenRequest kGoldenRequests[] = {"]
    for name, minor, flags, fixed, required, data in requests:
        out.append(f'    {{"{name}", {minor}, {flags:#x}, {fixed}, {required},\n{c_bytes(data)}}},')
    out += ["};", "", "constexpr GoldenReply kGoldenReplies[] = {"]
    for name, data in replies:
        out.append(f'    {{"{name}",\n{c_bytes(data)}}},')
    out += ["};", ""]
    (HERE / "golden_packets.inc").write_text("\n".join(out))


def write_corpus():
    # As the fuzzer reads them: kind, minor, flags shifted to one byte, fixed length, packet.
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name, minor, flags, fixed, _, data in requests:
        extended = 1 if flags & SETXATTR_EXT else 0
        (CORPUS / f"request-{name}").write_bytes(bytes([0, minor, extended, fixed]) + data)
    for name in ("write", "create_extended", "lookup"):
        _, minor, _, fixed, _, data = next(r for r in requests if r[0] == name)
        (CORPUS / f"ring-{name}").write_bytes(bytes([1, minor, 0, fixed]) + data)
    for name, opcode in (("entry", 1), ("create", 35), ("open", 14)):
        data = next(r[1] for r in replies if r[0] == name)
        packet = struct.pack("<IiQ", 16 + len(data), 0, UNIQUE) + data
        (CORPUS / f"reply-{name}").write_bytes(bytes([2, 45, 0, opcode]) + packet)
    data = next(r[1] for r in replies if r[0] == "readdirplus")
    packet = struct.pack("<IiQ", 16 + len(data), 0, UNIQUE) + data
    (CORPUS / "reply-readdirplus").write_bytes(bytes([2, 45, 0, 44]) + packet)


make_requests()
make_replies()
write_packets()
write_corpus()
