// The options that a session takes for itself, beside those of the mount.
#pragma once

#include <cstdint>
#include <string>

#include "fuse_opt.h"
#include "support/result.h"

namespace fuse3 {

// What becomes of an ioctl that was running when the server died, unless it only reads.
enum class IoctlPolicy : uint8_t {
  rerun,  // it is run again
  eintr,  // the caller is told EINTR, and knows as little of it as of a call that a signal ended
};

// What becomes of a file of the low-level API that is removed while it is open.
enum class UnlinkedPolicy : uint8_t {
  stale,  // a successor cannot find it: ESTALE
  hide,   // it gets a hidden name until it is closed
};

// Who holds the connection while no server runs.
enum class HolderChoice : uint8_t {
  automatic,  // systemd, for a service whose unit has a descriptor store; else a keeper, and the
              // kernel where it can, should the keeper be lost, too
  keeper,
  systemd,
  kernel,  // nobody does: the connection waits by itself, on kernels that can
};

struct SessionOptions {
  bool debug = false;
  // What the program's command line and environment and the administrator say about reconnect.
  bool reattach = false;
  std::string reattach_dir;
  unsigned reattach_timeout = 60;  // seconds
  IoctlPolicy reattach_ioctl = IoctlPolicy::eintr;
  UnlinkedPolicy reattach_unlinked = UnlinkedPolicy::stale;
  HolderChoice reattach_holder = HolderChoice::automatic;
  bool reattach_notify = true;   // tell the service manager how it goes
  bool reattach_resend = false;  // have the kernel send again what it waits for, and compare
};

// Takes the options out of `args`. EINVAL after a message that names what is wrong.
Result<SessionOptions> parse_session_options(fuse_args* args);

}  // namespace fuse3
