// What a program may name as its mountpoint.
#pragma once

#include <optional>
#include <string>

#include "support/result.h"

namespace fuse3 {

// The descriptor in "/dev/fd/N": a device that somebody else opened and mounted.
std::optional<int> parse_device_path(const char* mountpoint);

// The absolute path without symbolic links. The last component is never asked anything, so this
// works, and returns at once, where the root of a mount whose server died is.
Result<std::string> resolve_mountpoint(const char* mountpoint);

}  // namespace fuse3
