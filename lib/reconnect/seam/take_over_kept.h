// Taking over a connection that the kernel has kept without a server.
#pragma once

#include <memory>
#include <string>

#include "mount/mount_facts.h"
#include "reconnect/holder/holder.h"
#include "reconnect/state.h"
#include "session/session.h"
#include "support/result.h"

namespace fuse3::reconnect {

struct Kept {
  Attached attached;
  std::unique_ptr<State> state;
  uint64_t servers = 0;  // as the kernel counts them, without this one
};

// From here on the connection is this process's, until it closes the device. The state is not
// claimed yet. ENOENT: the kernel does not keep it, or there is no state. ESTALE: the state is
// another mount's, or not the last one. EBUSY: it is served. Others as of attach_device(). *why says
// it in words.
Result<Kept> take_kept(const fuse_session& session, const MountFacts& mount, int directory,
                       std::string* why);

}  // namespace fuse3::reconnect
