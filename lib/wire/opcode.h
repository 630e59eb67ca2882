// What a request asks for and what a notification tells, by number.
#pragma once

#include <cstdint>

namespace fuse3::wire {

inline constexpr uint32_t kMajor = 7;
inline constexpr uint32_t kMinor = 45;  // the newest this library speaks
inline constexpr uint32_t kOldestMinor = 12;

enum class Opcode : uint32_t {
  lookup = 1,
  forget = 2,  // no reply
  getattr = 3,
  setattr = 4,
  readlink = 5,
  symlink = 6,
  mknod = 8,
  mkdir = 9,
  unlink = 10,
  rmdir = 11,
  rename = 12,
  link = 13,
  open = 14,
  read = 15,
  write = 16,
  statfs = 17,
  release = 18,
  fsync = 20,
  setxattr = 21,
  getxattr = 22,
  listxattr = 23,
  removexattr = 24,
  flush = 25,
  init = 26,
  opendir = 27,
  readdir = 28,
  releasedir = 29,
  fsyncdir = 30,
  getlk = 31,
  setlk = 32,
  setlkw = 33,
  access = 34,
  create = 35,
  interrupt = 36,  // no reply, or EAGAIN to be sent it again
  bmap = 37,
  destroy = 38,
  ioctl = 39,
  poll = 40,
  notify_reply = 41,  // no reply
  batch_forget = 42,  // no reply
  fallocate = 43,
  readdirplus = 44,
  rename2 = 45,
  lseek = 46,
  copy_file_range = 47,
  setupmapping = 48,
  removemapping = 49,
  syncfs = 50,
  tmpfile = 51,
  statx = 52,
  copy_file_range_64 = 53,
  cuse_init = 4096,
};

// The highest number in the dense part of Opcode: what a table indexed by opcode must hold.
inline constexpr uint32_t kLastOpcode = 53;

// Upper-case protocol name, "UNKNOWN" for a number that has none. Never null.
const char* opcode_name(Opcode opcode);

enum class NotifyCode : int32_t {
  poll = 1,
  inval_inode = 2,
  inval_entry = 3,
  store = 4,
  retrieve = 5,
  delete_entry = 6,
  resend = 7,
  inc_epoch = 8,
  prune = 9,
};

}  // namespace fuse3::wire
