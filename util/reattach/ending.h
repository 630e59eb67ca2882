// The commands that end a mount.
#pragma once

#include "mounts.h"

namespace fuse3::reattach {

// Unmounts, and waits until server and keeper have ended. `lazy`: also while it is in use; then
// they end when nobody uses it any more, and are not waited for.
void stop(const Report& report, bool lazy);
// Ends the connection: whoever uses it gets errors from now on. Then waits for the keeper's end.
void abort(const Report& report);

}  // namespace fuse3::reattach
