// Ending a session's loop from elsewhere.
#pragma once

#include "fuse_lowlevel.h"

namespace fuse3 {

// Ends the loop, which returns `signo`. Safe in signal handlers.
void session_exit_from_signal(fuse_session* session, int signo);

}  // namespace fuse3
