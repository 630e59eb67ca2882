// How a command of fuse-reattach ends when it cannot do what it was asked for.
#pragma once

#include <stdexcept>
#include <string>

namespace fuse3::reattach {

// Exit statuses, as the manual page has them.
enum class Exit : int {
  kDone = 0,
  kFailed = 1,       // for a reason that has no number of its own
  kUsage = 2,        // wrong arguments
  kNoMount = 3,      // no FUSE filesystem is mounted there
  kNoReconnect = 4,  // a mount without reconnect, or one whose server and keeper are gone
  kNotAllowed = 5,   // somebody else's
  kNoAnswer = 6,     // the keeper does not answer, or is of another version
  kInUse = 7,        // it is busy
  kOldOneServes = 8  // an upgrade failed, and the command from before serves again
};

// The text is a sentence for standard error: what is wrong, and what to do.
class Failure : public std::runtime_error {
 public:
  Failure(Exit status, const std::string& text) : std::runtime_error(text), status_(status) {}
  Exit status() const { return status_; }

 private:
  Exit status_;
};

}  // namespace fuse3::reattach
