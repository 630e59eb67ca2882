// Having another program, or a new build of the same one, take a server's place.
#pragma once

#include <string>
#include <vector>

#include "mounts.h"

namespace fuse3::reattach {

// An empty command is the one that the keeper knows. Returns what to say on success.
std::string upgrade(const std::string& mountpoint, const std::vector<KeeperPlace>& keepers,
                    std::vector<std::string> command, unsigned start_within_seconds);

}  // namespace fuse3::reattach
