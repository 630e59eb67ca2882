// The library's own messages. They go to the function set by fuse_set_log_func(), to syslog after
// fuse_log_enable_syslog(), else to stderr.
#pragma once

#include <cstdarg>

#include "fuse_log.h"

namespace fuse3 {

// As fuse_log(): the message ends where the format does.
void vlog(fuse_log_level level, const char* format, va_list args);
// The library's own messages are whole lines, whether or not the format ends in a newline.
[[gnu::format(printf, 2, 3)]] void log(fuse_log_level level, const char* format, ...);
[[gnu::format(printf, 1, 2)]] void log_error(const char* format, ...);

void set_log_function(fuse_log_func_t function);
void enable_syslog(const char* ident, int option, int facility);
void close_syslog();

}  // namespace fuse3
