// The keeper's socket N.sock in the runtime directory. It is always named through
// /proc/self/fd/DIRFD, so that the directory's path may have any length.
#pragma once

#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3::reconnect {

// A listening socket named N.sock, mode 0600, with SO_PASSCRED on what it accepts. One that a dead
// keeper left behind is replaced. EBUSY: a living keeper listens there, and did not go within
// `patience_ms` (a keeper whose mount has just gone needs a moment).
Result<UniqueFd> listen_for_peers(int directory, unsigned connection, int patience_ms = 2000);

// Connected to N.sock. ENOENT or ECONNREFUSED: no keeper is there.
Result<UniqueFd> connect_to_keeper(int directory, unsigned connection);

}  // namespace fuse3::reconnect
