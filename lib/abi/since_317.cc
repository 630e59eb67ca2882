// What libfuse3.so.4 has in a form that libfuse3.so.3 (lib/abi3/) does not know.
#include <cerrno>
#include <cstddef>

#include "abi/export.h"
#include "highlevel/create.h"
#include "highlevel/fuse_fs.h"
#include "highlevel/main.h"
#include "lowlevel/notifications.h"
#include "session/session.h"

#undef fuse_new
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

FUSE3_EXPORT int fuse_main_real_versioned(int argc, char* argv[], const fuse_operations* op,
                                          size_t op_size, libfuse_version*, void* private_data) {
  return fuse3::run_main(argc, argv, op, op_size, private_data);
}

FUSE3_EXPORT fuse* _fuse_new_30(fuse_args* args, const fuse_operations* op, size_t op_size,
                                libfuse_version*, void* private_data) {
  return fuse3::new_high_level(args, op, op_size, private_data, fuse3::HelpOption::known);
}

FUSE3_EXPORT fuse* _fuse_new_31(fuse_args* args, const fuse_operations* op, size_t op_size,
                                libfuse_version*, void* private_data) {
  return fuse3::new_high_level(args, op, op_size, private_data, fuse3::HelpOption::unknown);
}

FUSE3_EXPORT_ALSO(fuse_new_31, "fuse_new@FUSE_3.1")
fuse* fuse_new_31(fuse_args* args, const fuse_operations* op, size_t op_size, void* private_data) {
  return fuse3::new_high_level(args, op, op_size, private_data, fuse3::HelpOption::unknown);
}

FUSE3_EXPORT int fuse_fs_statx(fuse_fs* fs, const char* path, int flags, int mask,
                               struct statx* stxbuf, fuse_file_info* fi) {
  return fuse3::layer::statx(*fs, path, flags, mask, stxbuf, fi);
}
