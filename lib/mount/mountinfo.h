// Lines of /proc/self/mountinfo. Reading them sends no request to any filesystem.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.h"

namespace fuse3 {

struct MountLine {
  unsigned id = 0;
  unsigned major = 0;
  unsigned minor = 0;
  std::string point;
  std::string fstype;  // "fuse.sshfs"
  std::string source;
  // The type is fuse, fuseblk, or one of those with a subtype.
  bool fuse = false;
  bool block_device = false;
  // With `fuse`: who mounted it.
  uid_t owner = 0;
  gid_t group = 0;
};

// Nothing for what is no such line.
std::optional<MountLine> parse_mount_line(std::string_view line);

std::vector<std::string_view> split(std::string_view text, char separator);
std::optional<unsigned> to_number(std::string_view text);
Result<std::string> read_whole(const char* path);

// The mounts of this process's namespace, in the kernel's order.
Result<std::vector<MountLine>> read_mounts();

}  // namespace fuse3
