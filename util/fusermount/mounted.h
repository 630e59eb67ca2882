// What is mounted, and which of it is whose. No step of this sends a request to a filesystem, so
// that it works on mounts whose server is dead.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "mount/mountinfo.h"
#include "privileges.h"
#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3::fusermount {

// The number in mountinfo of the mount that something open lies on.
Result<unsigned> mount_number(int place);

// FUSE filesystems mounted by ordinary users. A filesystem that is bound to several places counts
// once.
size_t count_users_mounts(std::span<const MountLine> mounts);

// The root of a FUSE mount that the caller may unmount.
struct OwnMount {
  UniqueFd place;  // O_PATH; keeps the mount busy for all but lazy unmounting
  MountLine line;
};

// One mount. Kernels before 6.8 know no number of a mount that they do not give out again: there
// this may come to mean another mount, but never one of another user.
struct Remembered {
  unsigned id = 0;
  unsigned major = 0;
  unsigned minor = 0;
  uid_t owner = 0;
  uint64_t unique = 0;  // 0 with such a kernel

  static Remembered of(const OwnMount& mount);
};

// What is mounted at a path: a FUSE filesystem, on top, and the caller's own. Says what it refuses.
Result<OwnMount> open_own_mount(const std::string& path, const Caller& caller);

// The same mount, wherever it is now. ENOENT when it is not there any more, EBUSY when it is, and
// its path leads elsewhere.
Result<OwnMount> find_again(const Remembered& wanted);

}  // namespace fuse3::fusermount
