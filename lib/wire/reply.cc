#include "wire/reply.h"

#include <fcntl.h>

#include <cstddef>
#include <limits>

#include "fuse_lowlevel.h"
#include "support/newer_fields.h"

namespace fuse3::wire {

namespace {

constexpr double kNanosecondsPerSecond = 1e9;
constexpr uint32_t kMaxNanoseconds = 999'999'999;

// Until 7.8 an Attr ended before blksize.
constexpr size_t kAttrGrowth = sizeof(Attr) - offsetof(Attr, blksize);
constexpr size_t kStatfsOutSize3 = offsetof(StatfsOut, frsize);
constexpr size_t kInitOutSize4 = offsetof(InitOut, max_readahead);
constexpr size_t kInitOutSize22 = offsetof(InitOut, time_gran);

}  // namespace

OutHeader make_header(RequestId unique, int error, size_t payload) {
  return OutHeader{.len = static_cast<uint32_t>(sizeof(OutHeader) + payload),
                   .error = error,
                   .unique = unique.value};
}

Timeout split_timeout(double seconds) {
  if (!(seconds > 0)) return {0, 0};
  constexpr auto kMax = std::numeric_limits<uint64_t>::max();
  if (seconds >= static_cast<double>(kMax)) return {kMax, kMaxNanoseconds};
  auto whole = static_cast<uint64_t>(seconds);
  double fraction = (seconds - static_cast<double>(whole)) * kNanosecondsPerSecond;
  auto nanoseconds = static_cast<uint32_t>(fraction);
  return {whole, nanoseconds > kMaxNanoseconds ? kMaxNanoseconds : nanoseconds};
}

size_t entry_out_size(uint32_t minor) {
  return minor < 9 ? sizeof(EntryOut) - kAttrGrowth : sizeof(EntryOut);
}

size_t attr_out_size(uint32_t minor) {
  return minor < 9 ? sizeof(AttrOut) - kAttrGrowth : sizeof(AttrOut);
}

size_t create_out_size(uint32_t minor) {
  return entry_out_size(minor) + sizeof(OpenOut);
}

size_t statfs_out_size(uint32_t minor) {
  return minor < 4 ? kStatfsOutSize3 : sizeof(StatfsOut);
}

size_t init_out_size(uint32_t minor) {
  if (minor < 5) return kInitOutSize4;
  return minor < 23 ? kInitOutSize22 : sizeof(InitOut);
}

Attr make_attr(const struct stat& stat) {
  return Attr{.ino = stat.st_ino,
              .size = static_cast<uint64_t>(stat.st_size),
              .blocks = static_cast<uint64_t>(stat.st_blocks),
              .atime = static_cast<uint64_t>(stat.st_atim.tv_sec),
              .mtime = static_cast<uint64_t>(stat.st_mtim.tv_sec),
              .ctime = static_cast<uint64_t>(stat.st_ctim.tv_sec),
              .atimensec = static_cast<uint32_t>(stat.st_atim.tv_nsec),
              .mtimensec = static_cast<uint32_t>(stat.st_mtim.tv_nsec),
              .ctimensec = static_cast<uint32_t>(stat.st_ctim.tv_nsec),
              .mode = stat.st_mode,
              .nlink = static_cast<uint32_t>(stat.st_nlink),
              .uid = stat.st_uid,
              .gid = stat.st_gid,
              .rdev = static_cast<uint32_t>(stat.st_rdev),
              .blksize = static_cast<uint32_t>(stat.st_blksize),
              .flags = 0};
}

EntryOut make_entry(const fuse_entry_param& entry) {
  Timeout name = split_timeout(entry.entry_timeout);
  Timeout attr = split_timeout(entry.attr_timeout);
  return EntryOut{.nodeid = entry.ino,
                  .generation = entry.generation,
                  .entry_valid = name.seconds,
                  .attr_valid = attr.seconds,
                  .entry_valid_nsec = name.nanoseconds,
                  .attr_valid_nsec = attr.nanoseconds,
                  .attr = make_attr(entry.attr)};
}

AttrOut make_attr_out(const struct stat& stat, double timeout) {
  Timeout valid = split_timeout(timeout);
  return AttrOut{.attr_valid = valid.seconds,
                 .attr_valid_nsec = valid.nanoseconds,
                 .dummy = 0,
                 .attr = make_attr(stat)};
}

OpenOut make_open(const fuse_file_info& info) {
  uint32_t flags = 0;
  if (info.direct_io) flags |= open_reply::direct_io;
  if (info.keep_cache) flags |= open_reply::keep_cache;
  if (info.nonseekable) flags |= open_reply::nonseekable;
  if (info.cache_readdir) flags |= open_reply::cache_dir;
  if (info.noflush) flags |= open_reply::noflush;
  if (FUSE3_FIELD_OR(info, parallel_direct_writes, 0) != 0) {
    flags |= open_reply::parallel_direct_writes;
  }
  const int32_t backing_id = FUSE3_FIELD_OR(info, backing_id, 0);
  bool passthrough = backing_id > 0;
  if (passthrough) flags |= open_reply::passthrough;
  return OpenOut{.fh = info.fh, .open_flags = flags, .backing_id = passthrough ? backing_id : 0};
}

StatfsOut make_statfs(const struct statvfs& stat) {
  return StatfsOut{.blocks = stat.f_blocks,
                   .bfree = stat.f_bfree,
                   .bavail = stat.f_bavail,
                   .files = stat.f_files,
                   .ffree = stat.f_ffree,
                   .bsize = static_cast<uint32_t>(stat.f_bsize),
                   .namelen = static_cast<uint32_t>(stat.f_namemax),
                   .frsize = static_cast<uint32_t>(stat.f_frsize),
                   .padding = 0,
                   .spare = {}};
}

LkOut make_lock(const struct flock& lock) {
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  int64_t start = lock.l_start;
  int64_t last = lock.l_len - 1;
  bool to_end = lock.l_len == 0 || start > kEnd - last;
  return LkOut{FileLock{.start = static_cast<uint64_t>(start),
                        .end = static_cast<uint64_t>(to_end ? kEnd : start + last),
                        .type = static_cast<uint32_t>(lock.l_type),
                        .pid = static_cast<uint32_t>(lock.l_pid)}};
}

WriteOut make_write(uint32_t size) {
  return {.size = size, .padding = 0};
}

CopyFileRangeOut make_copy_file_range(uint64_t size) {
  return {.bytes_copied = size};
}

GetxattrOut make_xattr_size(uint32_t size) {
  return {.size = size, .padding = 0};
}

BmapOut make_bmap(uint64_t block) {
  return {.block = block};
}

LseekOut make_lseek(uint64_t offset) {
  return {.offset = offset};
}

PollOut make_poll(uint32_t events) {
  return {.revents = events, .padding = 0};
}

IoctlOut make_ioctl(int32_t result) {
  return {.result = result, .flags = 0, .in_iovs = 0, .out_iovs = 0};
}

IoctlOut make_ioctl_retry(uint32_t in_count, uint32_t out_count) {
  return {.result = 0, .flags = ioctl_flag::retry, .in_iovs = in_count, .out_iovs = out_count};
}

}  // namespace fuse3::wire
