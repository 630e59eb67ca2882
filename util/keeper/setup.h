// What the keeper gets from the server that starts it.
#pragma once

#include <sys/types.h>

#include <chrono>

#include "holdings.h"
#include "program.h"
#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3::keeper {

struct Setup {
  Holdings holdings;
  UniqueFd listener;
  pid_t server_pid = 0;
  std::chrono::seconds timeout{0};
};

// Reads from `link` up to kSetupDone; fills in what `program` does not have yet. EPIPE: the server
// ended in the middle, and nothing can be kept.
Result<Setup> receive_setup(int link, Program* program);

}  // namespace fuse3::keeper
