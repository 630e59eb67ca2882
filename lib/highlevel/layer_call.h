// How the wrappers of fuse_fs.h call an operation.
#pragma once

#include <cerrno>

#include "highlevel/context.h"
#include "highlevel/fuse_fs.h"
#include "support/log.h"

namespace fuse3::layer {

// Calls an operation, which the layer has, with the layer's data in the context.
template <class Returned, class... Parameters, class... Arguments>
Returned call(const fuse_fs& fs, Returned (*operation)(Parameters...), Arguments... arguments) {
  LayerContext context(fs.user_data);
  return operation(arguments...);
}

// The log line of a call. Only an operation that is there is worth one.
#define FUSE3_TRACE(fs, ...)                                   \
  do {                                                         \
    if ((fs).debug) ::fuse3::log(FUSE_LOG_DEBUG, __VA_ARGS__); \
  } while (false)

// How the log shows what may be missing.
inline const char* shown(const char* path) {
  return path != nullptr ? path : "(null)";
}

// A handle as the log shows it: its number, or "NULL" without one.
class ShownHandle {
 public:
  explicit ShownHandle(const fuse_file_info* info);
  const char* text() const { return text_; }

 private:
  char text_[24];
};

inline unsigned long long handle_number(const fuse_file_info* info) {
  return info != nullptr ? info->fh : 0;
}

}  // namespace fuse3::layer
