#include "mount/mount_identity.h"

#include <fcntl.h>
#include <sys/stat.h>

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U
#endif

namespace fuse3 {

MountIdentity identify_mount(int file) {
  struct statx facts {};
  if (statx(file, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID_UNIQUE, &facts) != 0) {
    return {};
  }
  const bool known = (facts.stx_mask & STATX_MNT_ID_UNIQUE) != 0;
  return {.minor = facts.stx_dev_minor, .id = known ? facts.stx_mnt_id : 0};
}

}  // namespace fuse3
