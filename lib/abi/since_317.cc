// What libfuse3.so.4 has in a form that libfuse3.so.3 (lib/abi3/) does not know.
#include <cerrno>
#include <cstddef>

#include "abi/export.h"
#include "lowlevel/notifications.h"
#include "session/session.h"

#undef fuse_session_custom_io

FUSE3_EXPORT_ALSO(fuse_session_custom_io_317, "fuse_session_custom_io@@FUSE_3.17")
int fuse_session_custom_io_317(fuse_session* se, const fuse_custom_io* io, size_t op_size, int fd) {
  const auto result = fuse3::use_custom_io(*se, io, op_size, fd);
  return result ? 0 : -result.error();
}

FUSE3_EXPORT_ALSO(fuse_session_custom_io_30, "fuse_session_custom_io@FUSE_3.0")
int fuse_session_custom_io_30(fuse_session* se, const fuse_custom_io* io, int fd) {
  return fuse_session_custom_io_317(se, io, offsetof(fuse_custom_io, clone_fd), fd);
}

FUSE3_EXPORT int fuse_lowlevel_notify_expire_entry(fuse_session* se, fuse_ino_t parent,
                                                   const char* name, size_t namelen) {
  if (se == nullptr) return -EINVAL;
  return fuse3::notify_inval_entry(*se, parent, name, namelen, FUSE_LL_EXPIRE_ONLY);
}
