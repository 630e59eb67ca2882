// What the kernel sends: the fixed part of each request, as it lies on the wire.
//
// Host byte order, every struct free of hidden padding, all trivially copyable. Fields keep the
// protocol's names.
#pragma once

#include <cstdint>

namespace fuse3::wire {

struct InHeader {
  uint32_t len;
  uint32_t opcode;
  uint64_t unique;
  uint64_t nodeid;
  uint32_t uid;
  uint32_t gid;
  uint32_t pid;
  uint16_t total_extlen;  // units of 8 bytes; 7.38
  uint16_t padding;
};

struct ForgetIn {
  uint64_t nlookup;
};

struct ForgetOne {
  uint64_t nodeid;
  uint64_t nlookup;
};

struct BatchForgetIn {
  uint32_t count;
  uint32_t dummy;
};

struct GetattrIn {
  uint32_t getattr_flags;
  uint32_t dummy;
  uint64_t fh;
};

struct StatxIn {
  uint32_t getattr_flags;
  uint32_t reserved;
  uint64_t fh;
  uint32_t sx_flags;
  uint32_t sx_mask;
};

struct SetattrIn {
  uint32_t valid;
  uint32_t padding;
  uint64_t fh;
  uint64_t size;
  uint64_t lock_owner;
  uint64_t atime;
  uint64_t mtime;
  uint64_t ctime;
  uint32_t atimensec;
  uint32_t mtimensec;
  uint32_t ctimensec;
  uint32_t mode;
  uint32_t unused4;
  uint32_t uid;
  uint32_t gid;
  uint32_t unused5;
};

struct MknodIn {
  uint32_t mode;
  uint32_t rdev;
  uint32_t umask;  // 7.12
  uint32_t padding;
};

struct MkdirIn {
  uint32_t mode;
  uint32_t umask;  // 7.12
};

struct RenameIn {
  uint64_t newdir;
};

struct Rename2In {
  uint64_t newdir;
  uint32_t flags;
  uint32_t padding;
};

struct LinkIn {
  uint64_t oldnodeid;
};

struct OpenIn {
  uint32_t flags;
  uint32_t open_flags;
};

struct CreateIn {
  uint32_t flags;
  uint32_t mode;
  uint32_t umask;  // 7.12
  uint32_t open_flags;
};

struct ReleaseIn {
  uint64_t fh;
  uint32_t flags;
  uint32_t release_flags;
  uint64_t lock_owner;
};

struct FlushIn {
  uint64_t fh;
  uint32_t unused;
  uint32_t padding;
  uint64_t lock_owner;
};

struct ReadIn {
  uint64_t fh;
  uint64_t offset;
  uint32_t size;
  uint32_t read_flags;
  uint64_t lock_owner;
  uint32_t flags;
  uint32_t padding;
};

struct WriteIn {
  uint64_t fh;
  uint64_t offset;
  uint32_t size;
  uint32_t write_flags;
  uint64_t lock_owner;
  uint32_t flags;
  uint32_t padding;
};

struct FsyncIn {
  uint64_t fh;
  uint32_t fsync_flags;
  uint32_t padding;
};

struct SetxattrIn {
  uint32_t size;
  uint32_t flags;
  uint32_t setxattr_flags;  // from here on only with init_flag::setxattr_ext
  uint32_t padding;
};

struct GetxattrIn {
  uint32_t size;
  uint32_t padding;
};

struct FileLock {
  uint64_t start;
  uint64_t end;
  uint32_t type;
  uint32_t pid;
};

struct LkIn {
  uint64_t fh;
  uint64_t owner;
  FileLock lk;
  uint32_t lk_flags;
  uint32_t padding;
};

struct AccessIn {
  uint32_t mask;
  uint32_t padding;
};

struct InitIn {
  uint32_t major;
  uint32_t minor;
  uint32_t max_readahead;
  uint32_t flags;
  uint32_t flags2;  // from here on since 7.36
  uint32_t unused[11];
};

struct CuseInitIn {
  uint32_t major;
  uint32_t minor;
  uint32_t unused;
  uint32_t flags;
};

struct InterruptIn {
  uint64_t unique;
};

struct BmapIn {
  uint64_t block;
  uint32_t blocksize;
  uint32_t padding;
};

struct IoctlIn {
  uint64_t fh;
  uint32_t flags;
  uint32_t cmd;
  uint64_t arg;
  uint32_t in_size;
  uint32_t out_size;
};

struct PollIn {
  uint64_t fh;
  uint64_t kh;
  uint32_t flags;
  uint32_t events;  // 7.21
};

struct FallocateIn {
  uint64_t fh;
  uint64_t offset;
  uint64_t length;
  uint32_t mode;
  uint32_t padding;
};

struct LseekIn {
  uint64_t fh;
  uint64_t offset;
  uint32_t whence;
  uint32_t padding;
};

struct CopyFileRangeIn {
  uint64_t fh_in;
  uint64_t off_in;
  uint64_t nodeid_out;
  uint64_t fh_out;
  uint64_t off_out;
  uint64_t len;
  uint64_t flags;
};

struct SetupmappingIn {
  uint64_t fh;
  uint64_t foffset;
  uint64_t len;
  uint64_t flags;
  uint64_t moffset;
};

struct RemovemappingIn {
  uint32_t count;
};

struct RemovemappingOne {
  uint64_t moffset;
  uint64_t len;
};

struct SyncfsIn {
  uint64_t padding;
};

// The body of NOTIFY_REPLY; the data follows it.
struct NotifyRetrieveIn {
  uint64_t dummy1;
  uint64_t offset;
  uint32_t size;
  uint32_t dummy2;
  uint64_t dummy3;
  uint64_t dummy4;
};

struct ExtHeader {
  uint32_t size;  // with this header
  uint32_t type;
};

struct SecctxHeader {
  uint32_t size;
  uint32_t nr_secctx;
};

struct Secctx {
  uint32_t size;
  uint32_t padding;
};

struct SuppGroups {
  uint32_t nr_groups;  // the group ids follow, 4 bytes each
};

}  // namespace fuse3::wire
