// An open directory: what the filesystem calls it, and what was read of it.
#pragma once

#include <mutex>
#include <vector>

#include "fuse_lowlevel.h"
#include "highlevel/listing.h"

namespace fuse3 {

struct DirHandle {
  static DirHandle& of(const fuse_file_info& of_session) {
    return *reinterpret_cast<DirHandle*>(static_cast<uintptr_t>(of_session.fh));
  }
  static uint64_t number(DirHandle* handle) { return reinterpret_cast<uintptr_t>(handle); }

  // What the filesystem is to see in place of the session's.
  fuse_file_info info(const fuse_file_info& of_session) const {
    fuse_file_info info = of_session;
    info.fh = fh;
    return info;
  }

  uint64_t fh = 0;  // the filesystem's

  std::mutex lock;        // one reader at a time; held while the filesystem is asked
  bool streams = false;   // the filesystem gives offsets, as far as it was asked
  bool complete = false;  // `listing` is the whole directory
  Listing listing;
  std::vector<std::byte> reply;
};

}  // namespace fuse3
