// From the filesystem's answers to reply bytes. Only the values are made here; sending is the
// transport's.
//
// A reply is an OutHeader and one of these structs, of which the first *_size(minor) bytes travel.
#pragma once

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "support/ids.h"
#include "support/result.h"
#include "wire/dirent.h"    // IWYU pragma: export
#include "wire/notify.h"    // IWYU pragma: export
#include "wire/protocol.h"  // IWYU pragma: export

struct flock;
struct fuse_entry_param;
struct fuse_file_info;
struct statx;

namespace fuse3::wire {

// `error` is 0 or a negative errno, `payload` the bytes that follow the header.
OutHeader make_header(RequestId unique, int error, size_t payload);

// A cache time as the wire has it. Negative and NaN give 0, what does not fit the longest there is.
struct Timeout {
  uint64_t seconds;
  uint32_t nanoseconds;
};
Timeout split_timeout(double seconds);

size_t entry_out_size(uint32_t minor);
size_t attr_out_size(uint32_t minor);
size_t create_out_size(uint32_t minor);
size_t statfs_out_size(uint32_t minor);
size_t init_out_size(uint32_t minor);

Attr make_attr(const struct stat& stat);
EntryOut make_entry(const fuse_entry_param& entry);
AttrOut make_attr_out(const struct stat& stat, double timeout);
OpenOut make_open(const fuse_file_info& info);
StatfsOut make_statfs(const struct statvfs& stat);
// `flags` are attr_flag bits.
StatxOut make_statx(const struct statx& stat, double timeout, uint32_t flags);
// start and end from l_start and l_len; a length of 0 reaches to the end.
LkOut make_lock(const struct flock& lock);
WriteOut make_write(uint32_t size);
CopyFileRangeOut make_copy_file_range(uint64_t size);
GetxattrOut make_xattr_size(uint32_t size);
BmapOut make_bmap(uint64_t block);
LseekOut make_lseek(uint64_t offset);
PollOut make_poll(uint32_t events);
IoctlOut make_ioctl(int32_t result);
// Asks to be called again with this memory: both arrays of IoctlIovec follow, input first.
IoctlOut make_ioctl_retry(uint32_t in_count, uint32_t out_count);

// A CREATE or TMPFILE reply of create_out_size(minor) bytes: below 7.9 the entry is shorter, so the
// second part is not where CreateOut has it. Returns that size; 0 when it does not fit.
size_t put_create(std::span<std::byte> buffer, const EntryOut& entry, const OpenOut& open,
                  uint32_t minor);

// Looking into a finished reply, its OutHeader included. The getters give ENODATA when this
// opcode's reply has no such part or the reply is an error, EPROTO when it is too short for it.
Result<OutHeader> reply_header(std::span<const std::byte> reply);
// LOOKUP, SYMLINK, MKNOD, MKDIR, LINK, CREATE, TMPFILE.
Result<EntryOut> reply_entry(Opcode opcode, std::span<const std::byte> reply, uint32_t minor);
// OPEN, OPENDIR, CREATE, TMPFILE.
Result<OpenOut> reply_open(Opcode opcode, std::span<const std::byte> reply, uint32_t minor);
// Put back what the getters gave; the same errors, and then nothing was written.
Result<void> set_reply_entry(Opcode opcode, std::span<std::byte> reply, uint32_t minor,
                             const EntryOut& entry);
Result<void> set_reply_open(Opcode opcode, std::span<std::byte> reply, uint32_t minor,
                            const OpenOut& open);
// The part of a READDIRPLUS reply to give to DirentplusWalker.
Result<std::span<std::byte>> reply_payload(std::span<std::byte> reply);

}  // namespace fuse3::wire
