// A session and the connection it serves, for those who switch reconnect on or take one over.
#pragma once

#include <memory>

#include "mount/mount_facts.h"
#include "reconnect/layout.h"
#include "reconnect/seam/reconnect_seam.h"
#include "session/session.h"
#include "support/result.h"

namespace fuse3::reconnect {

// Around the largest request a slot's buffer has room for the reply that is stored behind it.
inline constexpr size_t kReplyRoom = 2 * kPage;

// From now on the session goes through this seam.
void use(fuse_session& session, std::unique_ptr<ReconnectSeam> seam);

// The connection mounted there, if it is one whose state could be ours. Errors are logged.
Result<MountFacts> connection_at(const char* mountpoint);

// The number of the connection that has just been mounted. Errors are logged.
Result<unsigned> connection_of(fuse_session& session);

// -o reattach_dir=, null without it.
const char* option_dir(const fuse_session& session);

}  // namespace fuse3::reconnect
