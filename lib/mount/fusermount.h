// The client's side of fusermount3, the set-user-id program that mounts and unmounts for users.
#pragma once

#include <string>
#include <vector>

#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3 {

struct Mounted {
  // The mountpoint, absolute and without symbolic links; "/dev/fd/N" as it was given.
  std::string path;
  UniqueFd device;
  // With auto_unmount: fusermount3 unmounts when the last copy of this is closed.
  UniqueFd auto_unmount;
};

// Where fusermount3 is looked for, in this order: where it was installed, then PATH; or, when
// $FUSERMOUNT_PROG is an absolute path, there alone. A program that runs with more rights than its
// user has does not believe the user's environment.
std::vector<std::string> fusermount_candidates();

// fusermount3 explains a failure on stderr; what failed before it ran is in the log.
Result<Mounted> mount_by_fusermount(const std::vector<std::string>& candidates,
                                    const std::string& path, const std::string& option_list,
                                    bool auto_unmount);
// `lazy`: also while it is in use; then nothing is said.
Result<void> unmount_by_fusermount(const std::vector<std::string>& candidates,
                                   const std::string& path, bool lazy = true);
// To stdout.
void print_fusermount_version();

}  // namespace fuse3
