// Says what is wrong with a mountpoint before the kernel says it less clearly.
#pragma once

#include <sys/types.h>

#include <string>

#include "support/result.h"

namespace fuse3 {

struct MountPlace {
  std::string path;
  mode_t type;  // S_IFDIR or S_IFREG: the root of the mount is to be the same
};

// Never waits for longer than a few seconds, whatever is mounted there. Failures are explained in
// the log.
Result<MountPlace> check_mountpoint(const char* mountpoint);

}  // namespace fuse3
