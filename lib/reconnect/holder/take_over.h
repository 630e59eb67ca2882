// Requests to a keeper that is reached by its socket.
#pragma once

#include <string>
#include <vector>

#include "reconnect/holder/protocol.h"
#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3::reconnect {

// What a keeper holds for a successor.
struct Takeover {
  UniqueFd link;  // the connection on which it was asked for
  UniqueFd state;
  std::vector<UniqueFd> devices;  // by index; holes are empty
  UniqueFd auto_unmount;          // empty if there is none
  pid_t previous_pid = 0;
  int previous_end = -1;
  unsigned timeout_seconds = 0;
};

// Errors as described at HolderLink::attach().
Result<Takeover> take_over(int runtime_dir_fd, unsigned connection, std::string* why);

struct HolderStatus {
  StatusReplyMessage said;
  std::string program;
  UniqueFd state;   // for reading only
  uid_t owner = 0;  // the keeper's user, from the kernel
};

// What the keeper of `connection` says about itself and its mount: to its own user and to root.
// Errors as above.
Result<HolderStatus> holder_status(int runtime_dir_fd, unsigned connection, std::string* why);

struct UpgradeOutcome {
  UpgradeResult result;
  pid_t server_pid;
  std::string text;
};

// Has another command (the executable's path, then its arguments), or, if it is empty, the one that
// runs, take the server's place. Waits for the outcome. Errors as above.
Result<UpgradeOutcome> upgrade_server(int runtime_dir_fd, unsigned connection,
                                      const std::vector<std::string>& command,
                                      unsigned start_within_seconds, std::string* why);

}  // namespace fuse3::reconnect
