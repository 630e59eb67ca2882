// The options that a session takes for itself, beside those of the mount.
#pragma once

#include <string>

#include "fuse_opt.h"
#include "support/result.h"

namespace fuse3 {

struct SessionOptions {
  bool debug = false;
  // What the program's command line and environment and the administrator say about reconnect.
  bool reattach = false;
  std::string reattach_dir;
  unsigned reattach_timeout = 60;  // seconds
};

// Takes the options out of `args`. EINVAL after a message that names what is wrong.
Result<SessionOptions> parse_session_options(fuse_args* args);

}  // namespace fuse3
