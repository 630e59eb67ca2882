// Functions whose parameters or versions were others in libfuse3.so.3.
#include <cerrno>

#include "abi/export.h"
#include "highlevel/create.h"
#include "lowlevel/notifications.h"
#include "session/session.h"

#undef fuse_new

// The numbers are those of fuse_notify_entry_flags, and 0 stood for invalidating already.
enum fuse_expire_flags { FUSE_EXPIRE_ENTRY = FUSE_LL_EXPIRE_ONLY };

FUSE3_EXPORT_ALSO(fuse_session_custom_io_30, "fuse_session_custom_io@@FUSE_3.0")
int fuse_session_custom_io_30(fuse_session* se, const fuse_custom_io* io, int fd) {
  const auto result = fuse3::use_custom_io(*se, io, sizeof *io, fd);
  return result ? 0 : -result.error();
}

FUSE3_EXPORT_ALSO(fuse_lowlevel_notify_expire_entry_312,
                  "fuse_lowlevel_notify_expire_entry@@FUSE_3.12")
int fuse_lowlevel_notify_expire_entry_312(fuse_session* se, fuse_ino_t parent, const char* name,
                                          size_t namelen, fuse_expire_flags flags) {
  if (se == nullptr) return -EINVAL;
  return fuse3::notify_inval_entry(*se, parent, name, namelen,
                                   static_cast<fuse_notify_entry_flags>(flags));
}

FUSE3_EXPORT_ALSO(fuse_new_31, "fuse_new@@FUSE_3.1")
fuse* fuse_new_31(fuse_args* args, const fuse_operations* op, size_t op_size, void* private_data) {
  return fuse3::new_high_level(args, op, op_size, private_data, fuse3::HelpOption::unknown);
}
