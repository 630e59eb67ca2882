// Arguments of the requests about attributes, permissions and locks.
#pragma once

#include <cstdint>

#include "support/ids.h"
#include "wire/opcode.h"

namespace fuse3::wire {

struct Getattr {
  static constexpr Opcode opcode = Opcode::getattr;
  static constexpr bool node_in_header = true;
  bool has_handle = false;
  HandleId handle;
  template <class V>
  void visit_ids(V&& v) {
    if (has_handle) v.handle(handle);
  }
};

struct Statx {
  static constexpr Opcode opcode = Opcode::statx;
  static constexpr bool node_in_header = true;
  bool has_handle = false;
  HandleId handle;
  uint32_t flags = 0;  // AT_STATX_*
  uint32_t mask = 0;   // STATX_*
  template <class V>
  void visit_ids(V&& v) {
    if (has_handle) v.handle(handle);
  }
};

struct TimeSpec {
  uint64_t seconds = 0;  // to be read as signed
  uint32_t nanoseconds = 0;
};

// A field counts when its fattr bit is in `valid`.
struct Setattr {
  static constexpr Opcode opcode = Opcode::setattr;
  static constexpr bool node_in_header = true;
  uint32_t valid = 0;
  bool has_handle = false;
  HandleId handle;
  uint64_t size = 0;
  bool has_lock_owner = false;
  uint64_t lock_owner = 0;
  TimeSpec atime;
  TimeSpec mtime;
  TimeSpec ctime;
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  template <class V>
  void visit_ids(V&& v) {
    if (has_handle) v.handle(handle);
  }
};

struct Access {
  static constexpr Opcode opcode = Opcode::access;
  static constexpr bool node_in_header = true;
  uint32_t mask = 0;
  template <class V>
  void visit_ids(V&&) {}
};

struct LockArgs {
  static constexpr bool node_in_header = true;
  HandleId handle;
  uint64_t owner = 0;
  uint64_t start = 0;
  uint64_t end = 0;   // inclusive
  uint32_t type = 0;  // F_RDLCK, F_WRLCK, F_UNLCK
  uint32_t pid = 0;
  uint32_t lk_flags = 0;  // lock_flag
  template <class V>
  void visit_ids(V&& v) {
    v.handle(handle);
  }
};

struct Getlk : LockArgs {
  static constexpr Opcode opcode = Opcode::getlk;
};

struct Setlk : LockArgs {
  static constexpr Opcode opcode = Opcode::setlk;
};

struct Setlkw : LockArgs {
  static constexpr Opcode opcode = Opcode::setlkw;
};

struct Bmap {
  static constexpr Opcode opcode = Opcode::bmap;
  static constexpr bool node_in_header = true;
  uint64_t block = 0;
  uint32_t blocksize = 0;
  template <class V>
  void visit_ids(V&&) {}
};

}  // namespace fuse3::wire
