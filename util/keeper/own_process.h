// What the keeper changes in its own process, and how a program that it starts gets it back.
#pragma once

#include <sys/resource.h>

#include <string>

#include "support/unique_fd.h"

namespace fuse3::keeper {

class OwnProcess {
 public:
  // Leaves only the standard streams and `link` open, goes to "/", blocks the signals that the loop
  // takes from signals() and ignores those that are meant for the server, protects itself from the
  // out-of-memory killer where it may, and raises its limit of open files.
  explicit OwnProcess(int link);

  // SIGTERM and SIGCHLD, for signalfd reads.
  int signals() const { return signals_.get(); }

  // The user's terminal or pipe is let go.
  void point_streams_to_null();

  // In a forked child, before exec. The signals are not part of it.
  void give_back() const;

 private:
  UniqueFd signals_;
  rlimit open_files_{};
  std::string oom_score_;  // the inherited one, if it was changed
  bool was_closed_[3] = {};
};

}  // namespace fuse3::keeper
