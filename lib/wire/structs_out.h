// What the library sends: replies and notifications, as they lie on the wire.
#pragma once

#include <cstdint>

#include "wire/structs_in.h"

namespace fuse3::wire {

struct OutHeader {
  uint32_t len;
  int32_t error;    // 0 or a negative errno; in a notification its NotifyCode
  uint64_t unique;  // 0 in a notification
};

struct Attr {
  uint64_t ino;
  uint64_t size;
  uint64_t blocks;
  uint64_t atime;
  uint64_t mtime;
  uint64_t ctime;
  uint32_t atimensec;
  uint32_t mtimensec;
  uint32_t ctimensec;
  uint32_t mode;
  uint32_t nlink;
  uint32_t uid;
  uint32_t gid;
  uint32_t rdev;
  uint32_t blksize;  // 7.9
  uint32_t flags;    // 7.32
};

struct EntryOut {
  uint64_t nodeid;
  uint64_t generation;
  uint64_t entry_valid;
  uint64_t attr_valid;
  uint32_t entry_valid_nsec;
  uint32_t attr_valid_nsec;
  Attr attr;
};

struct AttrOut {
  uint64_t attr_valid;
  uint32_t attr_valid_nsec;
  uint32_t dummy;
  Attr attr;
};

struct SxTime {
  int64_t tv_sec;
  uint32_t tv_nsec;
  int32_t reserved;
};

struct StatxData {
  uint32_t mask;
  uint32_t blksize;
  uint64_t attributes;
  uint32_t nlink;
  uint32_t uid;
  uint32_t gid;
  uint16_t mode;
  uint16_t spare0;
  uint64_t ino;
  uint64_t size;
  uint64_t blocks;
  uint64_t attributes_mask;
  SxTime atime;
  SxTime btime;
  SxTime ctime;
  SxTime mtime;
  uint32_t rdev_major;
  uint32_t rdev_minor;
  uint32_t dev_major;
  uint32_t dev_minor;
  uint64_t spare2[14];
};

struct StatxOut {
  uint64_t attr_valid;
  uint32_t attr_valid_nsec;
  uint32_t flags;
  uint64_t spare[2];
  StatxData stat;
};

struct OpenOut {
  uint64_t fh;
  uint32_t open_flags;
  int32_t backing_id;  // 7.40, with open_reply::passthrough
};

// Reply to CREATE and TMPFILE.
struct CreateOut {
  EntryOut entry;
  OpenOut open;
};

struct WriteOut {
  uint32_t size;
  uint32_t padding;
};

struct CopyFileRangeOut {
  uint64_t bytes_copied;
};

struct StatfsOut {
  uint64_t blocks;
  uint64_t bfree;
  uint64_t bavail;
  uint64_t files;
  uint64_t ffree;
  uint32_t bsize;
  uint32_t namelen;
  uint32_t frsize;
  uint32_t padding;
  uint32_t spare[6];
};

struct GetxattrOut {
  uint32_t size;
  uint32_t padding;
};

struct LkOut {
  FileLock lk;
};

struct InitOut {
  uint32_t major;
  uint32_t minor;
  uint32_t max_readahead;
  uint32_t flags;
  uint16_t max_background;
  uint16_t congestion_threshold;
  uint32_t max_write;
  uint32_t time_gran;  // from here on since 7.23
  uint16_t max_pages;
  uint16_t map_alignment;
  uint32_t flags2;
  uint32_t max_stack_depth;  // 7.40
  uint16_t request_timeout;  // 7.43, seconds
  uint16_t unused[9];
  uint32_t successor_timeout;  // with init_flag::successor, seconds; 0: no limit
};

// As in flags.h.
constexpr uint64_t flags_of(const InitOut& reply) {
  return reply.flags | static_cast<uint64_t>(reply.flags2) << 32;
}

struct CuseInitOut {
  uint32_t major;
  uint32_t minor;
  uint32_t unused;
  uint32_t flags;
  uint32_t max_read;
  uint32_t max_write;
  uint32_t dev_major;
  uint32_t dev_minor;
  uint32_t spare[10];
};

struct BmapOut {
  uint64_t block;
};

struct IoctlIovec {
  uint64_t base;
  uint64_t len;
};

struct IoctlOut {
  int32_t result;
  uint32_t flags;
  uint32_t in_iovs;
  uint32_t out_iovs;
};

struct PollOut {
  uint32_t revents;
  uint32_t padding;
};

struct LseekOut {
  uint64_t offset;
};

// Followed by the name, without a NUL, and zeroes up to a multiple of 8.
struct Dirent {
  uint64_t ino;
  uint64_t off;
  uint32_t namelen;
  uint32_t type;
};

struct Direntplus {
  EntryOut entry_out;
  Dirent dirent;
};

struct NotifyPollOut {
  uint64_t kh;
};

struct NotifyInvalInodeOut {
  uint64_t ino;
  int64_t off;
  int64_t len;
};

struct NotifyInvalEntryOut {
  uint64_t parent;
  uint32_t namelen;
  uint32_t flags;
};

struct NotifyDeleteOut {
  uint64_t parent;
  uint64_t child;
  uint32_t namelen;
  uint32_t padding;
};

struct NotifyStoreOut {
  uint64_t nodeid;
  uint64_t offset;
  uint32_t size;
  uint32_t padding;
};

struct NotifyRetrieveOut {
  uint64_t notify_unique;
  uint64_t nodeid;
  uint64_t offset;
  uint32_t size;
  uint32_t padding;
};

// Followed by `count` node ids, 8 bytes each.
struct NotifyPruneOut {
  uint32_t count;
  uint32_t padding;
  uint64_t spare;
};

}  // namespace fuse3::wire
