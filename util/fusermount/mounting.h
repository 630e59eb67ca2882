// The call of mount(2), and of umount2(2): nothing else here needs a privilege.
#pragma once

#include "mounted.h"
#include "mountpoint.h"
#include "privileges.h"
#include "request.h"
#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3::fusermount {

// As the user. Says what is wrong.
Result<UniqueFd> open_device();

// Says what is wrong.
Result<void> mount_device(const Request& request, const Mountpoint& mountpoint, int device,
                          const Caller& caller);

// Takes exactly this mount away at once, busy or not.
Result<void> detach(const OwnMount& mount);

// Takes it away if nobody uses it. The mount is let go of before: an open descriptor is a use.
Result<void> unmount(OwnMount mount);

}  // namespace fuse3::fusermount
