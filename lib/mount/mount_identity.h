// Which mount a file lies on, without a request to its filesystem.
#pragma once

#include <cstdint>

namespace fuse3 {

struct MountIdentity {
  unsigned minor = 0;  // of FUSE without a block device: the connection
  // The kernel gives it to one mount in all the time it runs (6.8 and later); 0: not known.
  uint64_t id = 0;
};

// By an open file of it; O_PATH will do.
MountIdentity identify_mount(int file);

}  // namespace fuse3
