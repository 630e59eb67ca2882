// fuse_log.h
#include "support/log.h"
#include "abi/export.h"

FUSE3_EXPORT void fuse_set_log_func(fuse_log_func_t func) {
  fuse3::set_log_function(func);
}

FUSE3_EXPORT void fuse_log(fuse_log_level level, const char* fmt, ...) {
  va_list args;
  va_start(args, fmt);
  fuse3::vlog(level, fmt, args);
  va_end(args);
}

FUSE3_EXPORT void fuse_log_enable_syslog(const char* ident, int option, int facility) {
  fuse3::enable_syslog(ident, option, facility);
}

FUSE3_EXPORT void fuse_log_close_syslog() {
  fuse3::close_syslog();
}
