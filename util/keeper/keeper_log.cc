#include "keeper_log.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include <cstdarg>

namespace fuse3::keeper {
namespace {

bool to_syslog = false;
unsigned log_connection = 0;

bool write_to_stderr(const char* line, size_t length) {
  pollfd stream{STDERR_FILENO, POLLOUT, 0};
  if (poll(&stream, 1, 0) != 1 || (stream.revents & POLLOUT) == 0) return false;
  return write(STDERR_FILENO, line, length) == static_cast<ssize_t>(length);
}

}  // namespace

void use_syslog() {
  to_syslog = true;
}

void set_log_connection(unsigned connection) {
  log_connection = connection;
}

void say(int priority, const char* format, ...) {
  char text[700];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (!to_syslog) {
    char line[800];
    int length = log_connection != 0 ? snprintf(line, sizeof line, "fuse-keeper: mount %u: %s\n",
                                                log_connection, text)
                                     : snprintf(line, sizeof line, "fuse-keeper: %s\n", text);
    if (write_to_stderr(line, static_cast<size_t>(length))) return;
  }
  openlog("fuse-keeper", LOG_PID, LOG_DAEMON);
  syslog(priority, "mount %u: %s", log_connection, text);
  // Its socket must not be in the way of descriptors that a successor expects to be closed.
  closelog();
}

}  // namespace fuse3::keeper
