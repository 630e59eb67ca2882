// What a request takes a name from.
#pragma once

#include <optional>

#include "session/request.h"
#include "support/ids.h"

namespace fuse3::reconnect {

struct Victim {
  NodeId parent;
  const char* name;
};

// The name that UNLINK or RENAME takes from a file; nothing for other requests.
std::optional<Victim> victim_of(const fuse_req& req);

}  // namespace fuse3::reconnect
