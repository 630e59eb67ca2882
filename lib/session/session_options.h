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

struct SessionOptions {
  bool debug = false;
  // What the program's command line and environment and the administrator say about reconnect.
  bool reattach = false;
  std::string reattach_dir;
  unsigned reattach_timeout = 60;  // seconds
  IoctlPolicy reattach_ioctl = IoctlPolicy::eintr;
};

// Takes the options out of `args`. EINVAL after a message that names what is wrong.
Result<SessionOptions> parse_session_options(fuse_args* args);

}  // namespace fuse3
