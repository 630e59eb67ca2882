// Messages to the service manager that started this process: the protocol of sd_notify(3), without
// its library. A message is lines "NAME=value", in one datagram.
#pragma once

#include <span>
#include <string_view>

#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3 {

class NotifySocket {
 public:
  // ENOENT: $NOTIFY_SOCKET is not set. EAFNOSUPPORT: it names neither "/path" nor "@abstract".
  // Else why nobody can be reached there.
  static Result<NotifySocket> open();
  static Result<NotifySocket> open(std::string_view address);

  // The manager gets duplicates of `fds`. EAGAIN: it has not read for some seconds.
  Result<void> send(std::string_view lines, std::span<const int> fds = {}) const;

  // Returns when the manager has worked through all that this process has sent. ETIMEDOUT.
  Result<void> barrier(int milliseconds = 5000) const;

 private:
  explicit NotifySocket(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// Whether the service manager started this very process, and not one that inherited its
// environment. Unknown, and taken for true, where the manager does not say ($SYSTEMD_EXEC_PID).
bool is_service_process();

}  // namespace fuse3
