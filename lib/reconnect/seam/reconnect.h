// Reconnect as the session sees it: switching it on, and taking a connection over.
#pragma once

#include "fuse_reconnect.h"
#include "session/session.h"
#include "support/result.h"

namespace fuse3::reconnect {

// For a session that has just mounted: makes the state and gives what outlives the server to a
// holder. What went wrong is logged.
Result<void> start(fuse_session& session);

// Takes the live connection at `mountpoint` over from a server that died: from then on the session
// has its devices. The filesystem's init() and what the dead server left unfinished come at the
// start of the loop. Errors as of fuse_session_reattach(), logged.
Result<void> take_over(fuse_session& session, const char* mountpoint);

// For fuse_session_mount() in a server that a keeper has started: takes over what the keeper holds,
// wherever that is mounted by now. False when no keeper has started this process.
Result<bool> take_over_assigned(fuse_session& session, const char* mountpoint);

// The same in a service that systemd has kept a mount's descriptors for. False as well when there
// was such a mount and it is given up. EBUSY: it is being served, or it is another mount than
// `mountpoint`.
Result<bool> take_over_stored(fuse_session& session, const char* mountpoint);

// The same for one that somebody else has started: false when there is nothing to take over at
// `mountpoint` and it has to be mounted. A mount that is being served is EBUSY.
Result<bool> take_over_if_served_before(fuse_session& session, const char* mountpoint);

// ENOTSUP: reconnect is off.
Result<void> read_figures(fuse_session& session, fuse_reconnect_figures& figures);

}  // namespace fuse3::reconnect
