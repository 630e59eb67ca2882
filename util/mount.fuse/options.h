// The options of /etc/fstab, parted: some are mount(8)'s, some ours, the rest the filesystem's.
#pragma once

#include <string>
#include <string_view>

#include "support/result.h"

namespace fuse3::mount_helper {

struct Options {
  // For the filesystem, protected as they came.
  std::string rest;
  // Empty: whoever runs this.
  std::string user;
  bool drop_privileges = false;
  bool dev = true;
  bool suid = true;
  bool has_fsname = false;
  bool has_subtype = false;
};

// Says what is wrong.
Result<Options> part_options(std::string_view list);

// `rest`, and "dev" and "suid" with it. mount(8) has them on unless it is told otherwise, FUSE off;
// they are for filesystems that root mounts.
std::string with_device_options(const Options& options);

// The list for mounting here instead of in the filesystem.
std::string for_mounting(const Options& options, const std::string& type,
                         const std::string& source);

}  // namespace fuse3::mount_helper
