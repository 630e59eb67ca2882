// Which locks were really held when the server died.
//
// The filesystem grants a lock as soon as the one that was in its way is gone, and that may be
// known here before the request that took the latter away is: two locks are recorded that exclude
// each other. The later one is the true one. The earlier one was unlocked there, or turned into a
// shared one if the later one is shared; the request that did so is in a slot and comes again.
#pragma once

#include <vector>

#include "reconnect/lock_table.h"

namespace fuse3::reconnect {

// `locks` are those of one file.
std::vector<Lock> without_superseded(std::vector<Lock> locks);

}  // namespace fuse3::reconnect
