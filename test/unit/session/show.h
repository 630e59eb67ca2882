// Arguments of an operation as text, to compare with what was expected.
#pragma once

#include <sstream>
#include <string>

#include "fuse_lowlevel.h"

namespace fuse3::test {

inline std::ostream& operator<<(std::ostream& out, const fuse_file_info& info) {
  out << "{fh=" << info.fh << " flags=" << info.flags;
  if (info.lock_owner != 0) out << " owner=" << info.lock_owner;
  if (info.writepage) out << " writepage";
  if (info.flush) out << " flush";
  if (info.flock_release) out << " flock_release";
  if (info.poll_events != 0) out << " events=" << info.poll_events;
  return out << "}";
}

// A file_info that may be missing.
struct Maybe {
  const fuse_file_info* info;
};

inline std::ostream& operator<<(std::ostream& out, const Maybe& maybe) {
  return maybe.info != nullptr ? out << *maybe.info : out << "none";
}

inline std::ostream& operator<<(std::ostream& out, const struct flock& lock) {
  return out << "{type=" << lock.l_type << " whence=" << lock.l_whence << " start=" << lock.l_start
             << " len=" << lock.l_len << " pid=" << lock.l_pid << "}";
}

template <class First, class... Rest>
std::string show(const First& first, const Rest&... rest) {
  std::ostringstream out;
  out << first;
  ((out << ' ' << rest), ...);
  return out.str();
}

}  // namespace fuse3::test
