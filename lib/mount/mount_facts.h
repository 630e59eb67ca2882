// What is mounted somewhere, found out without asking the filesystem there: no step of this sends a
// FUSE request, so it returns at once where a server is dead or stopped.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace fuse3 {

struct MountFacts {
  // Why nothing could be found out, an errno; the rest is empty then.
  int error = 0;

  // The path is the root of a mount. Everything below is about that mount, the topmost one.
  bool mounted = false;
  // Its type is fuse, fuseblk, or one of those with a subtype.
  bool fuse = false;
  // With `fuse` and without `block_device`: the number under /sys/fs/fuse/connections.
  unsigned connection = 0;
  bool block_device = false;
  // With `fuse`: who mounted it.
  uid_t owner = 0;
  gid_t group = 0;

  std::string path;    // absolute, without symbolic links
  std::string fstype;  // as in /proc/self/mountinfo: "fuse.sshfs"
  std::string source;

  std::string subtype() const;
};

MountFacts find_mount(const char* mountpoint);

// The connection an open device serves. Kernels from 6.17 on tell; nothing on older ones, and for a
// device that is not mounted.
std::optional<unsigned> connection_of_device(int device);

}  // namespace fuse3
