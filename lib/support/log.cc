#include "support/log.h"

#include <syslog.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace fuse3 {
namespace {

// Messages may come from any thread while another one changes where they go, so each of these is
// read once per message.
std::atomic<fuse_log_func_t> log_function{nullptr};
std::atomic<bool> to_syslog{false};

// openlog(3) keeps the pointer it is given. With our own copy a caller's buffer may go.
char syslog_ident[64];

// A log function gets format and arguments apart, so the newline has to go into the format.
void vlog_line(fuse_log_level level, const char* format, va_list args) {
  char with_newline[512];
  const size_t length = strlen(format);
  if (length > 0 && format[length - 1] != '\n' && length + 2 <= sizeof with_newline) {
    memcpy(with_newline, format, length);
    memcpy(with_newline + length, "\n", 2);
    format = with_newline;
  }
  vlog(level, format, args);
}

}  // namespace

void vlog(fuse_log_level level, const char* format, va_list args) {
  const int saved_errno = errno;
  if (const fuse_log_func_t function = log_function.load(std::memory_order_acquire)) {
    function(level, format, args);
  } else if (to_syslog.load(std::memory_order_acquire)) {
    vsyslog(level, format, args);
  } else {
    vfprintf(stderr, format, args);
  }
  errno = saved_errno;
}

void log(fuse_log_level level, const char* format, ...) {
  va_list args;
  va_start(args, format);
  vlog_line(level, format, args);
  va_end(args);
}

void log_error(const char* format, ...) {
  va_list args;
  va_start(args, format);
  vlog_line(FUSE_LOG_ERR, format, args);
  va_end(args);
}

void set_log_function(fuse_log_func_t function) {
  log_function.store(function, std::memory_order_release);
}

void enable_syslog(const char* ident, int option, int facility) {
  if (ident) {
    strncpy(syslog_ident, ident, sizeof syslog_ident - 1);
    syslog_ident[sizeof syslog_ident - 1] = '\0';
  }
  openlog(ident ? syslog_ident : nullptr, option, facility);
  to_syslog.store(true, std::memory_order_release);
  log_function.store(nullptr, std::memory_order_release);
}

void close_syslog() {
  if (to_syslog.exchange(false, std::memory_order_acq_rel)) closelog();
}

}  // namespace fuse3
