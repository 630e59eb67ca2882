#include "reconnect/seam/connection.h"

#include <cstring>

#include "options/daemonize.h"
#include "support/log.h"

namespace fuse3::reconnect {

void use(fuse_session& session, std::unique_ptr<ReconnectSeam> seam) {
  session.seam = std::move(seam);
  set_daemonize_hook(ReconnectSeam::all_after_daemonize_fork);
}

Result<MountFacts> connection_at(const char* mountpoint) {
  const MountFacts facts = find_mount(mountpoint);
  if (facts.error != 0) {
    log_error("fuse: %s: %s", mountpoint, std::strerror(facts.error));
    return Error{facts.error};
  }
  if (!facts.mounted || !facts.fuse) {
    log_error("fuse: %s is not the mountpoint of a FUSE filesystem", mountpoint);
    return Error{EINVAL};
  }
  if (facts.block_device) {
    log_error("fuse: %s is a blkdev mount, which cannot be taken over", mountpoint);
    return Error{ENOTSUP};
  }
  return facts;
}

// Somebody else has done it when the mountpoint is "/dev/fd/N": then
// only the kernel can say.
Result<unsigned> connection_of(fuse_session& session) {
  if (const auto number = connection_of_device(session.device(0))) return *number;
  if (session.mountpoint.compare(0, 8, "/dev/fd/") == 0) {
    log_error(
        "fuse: this kernel does not say which connection %s is; reconnect needs a mountpoint "
        "to be named",
        session.mountpoint.c_str());
    return Error{ENOTSUP};
  }
  const auto facts = connection_at(session.mountpoint.c_str());
  if (!facts) return facts.as_error();
  return facts->connection;
}

const char* option_dir(const fuse_session& session) {
  return session.options.reattach_dir.empty() ? nullptr : session.options.reattach_dir.c_str();
}

}  // namespace fuse3::reconnect
