// What is asked for with -o, checked against what its caller may ask for. Touches no file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configuration.h"
#include "mount/mount_flags.h"
#include "support/result.h"

namespace fuse3::fusermount {

struct Request {
  // MS_* of mount(2).
  unsigned long flags = kDefaultFlags;
  bool allow_other = false;
  bool default_permissions = false;
  bool blkdev = false;
  bool auto_unmount = false;
  std::optional<unsigned> max_read;
  std::optional<unsigned> block_size;
  // Without control characters.
  std::string fsname;
  std::string subtype;
  // "context=..." and its like.
  std::vector<std::string> security;

  // The three strings that mount(2) takes.
  std::string source() const;
  std::string filesystem_type() const;
  std::string data(int device, unsigned root_mode, unsigned user, unsigned group) const;
};

// Parts the list at its commas and takes the backslashes away that protect commas and themselves.
std::vector<std::string> split_options(std::string_view list);

// Says what it refuses. `root` is about the real user.
Result<Request> parse_request(std::string_view list, bool root, const Configuration& configuration);

}  // namespace fuse3::fusermount
