#include "support/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "support/log.h"

namespace fuse3 {

bool open_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    // Those below are open, so that this one is what open() gives.
    if (::fcntl(fd, F_GETFD) >= 0 || ::open("/dev/null", O_RDWR) == fd) continue;
    log_error("fuse: cannot open /dev/null in place of the closed descriptor %d: %s", fd,
              std::strerror(errno));
    return false;
  }
  return true;
}

}  // namespace fuse3
