// Starting a keeper and handing everything over to it.
#pragma once

#include "reconnect/holder/holder.h"
#include "reconnect/holder/server_image.h"

namespace fuse3::reconnect {

// Returns the server's end of the link once the keeper has said that it is ready. Waiting ends
// early, with ECANCELED, when `stop_fd` becomes readable. What went wrong is logged.
Result<UniqueFd> launch_keeper(const HolderSetup& setup, const ServerImage& image,
                               int stop_fd = -1);

}  // namespace fuse3::reconnect
