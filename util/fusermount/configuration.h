// /etc/fuse.conf: what the administrator allows ordinary users.
#pragma once

#include <optional>
#include <string_view>

namespace fuse3::fusermount {

inline constexpr char kConfigurationFile[] = "/etc/fuse.conf";

struct Configuration {
  bool user_allow_other = false;
  // FUSE mounts that ordinary users may have, all together; nothing: as many as they like.
  std::optional<unsigned> mount_max = 1000;
};

// What it does not understand is left out, with a message that names the line.
Configuration parse_configuration(std::string_view text);

// A file that is not there is an empty one. So is one that cannot be read, after a message: nothing
// is allowed then that is not allowed by default.
Configuration read_configuration(const char* path);

}  // namespace fuse3::fusermount
