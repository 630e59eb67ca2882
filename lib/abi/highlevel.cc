// fuse.h: filesystems of paths, their loops, and what an operation may ask about its caller
#include <cerrno>

#include "abi/export.h"
#include "highlevel/context.h"
#include "highlevel/create.h"
#include "highlevel/high_level.h"
#include "highlevel/main.h"
#include "lowlevel/notifications.h"
#include "options/loop_config.h"
#include "session/session.h"
#include "support/log.h"

#undef fuse_new
#undef fuse_loop_mt

using fuse3::HelpOption;

FUSE3_EXPORT int fuse_main_real(int argc, char* argv[], const fuse_operations* op, size_t op_size,
                                void* private_data) {
  return fuse3::run_main(argc, argv, op, op_size, private_data);
}

FUSE3_EXPORT void fuse_lib_help(fuse_args* args) {
  fuse3::print_high_level_help(args);
}

FUSE3_EXPORT_ALSO(fuse_new_30, "fuse_new@FUSE_3.0")
fuse* fuse_new_30(fuse_args* args, const fuse_operations* op, size_t op_size, void* private_data) {
  return fuse3::new_high_level(args, op, op_size, private_data, HelpOption::known);
}

FUSE3_EXPORT int fuse_mount(fuse* f, const char* mountpoint) {
  return fuse3::mount_high_level(*f, mountpoint);
}

FUSE3_EXPORT void fuse_unmount(fuse* f) {
  fuse3::unmount_high_level(*f);
}

FUSE3_EXPORT void fuse_destroy(fuse* f) {
  if (f != nullptr) fuse3::destroy_high_level(f);
}

FUSE3_EXPORT int fuse_loop(fuse* f) {
  return f != nullptr ? fuse3::loop_high_level(*f) : -1;
}

FUSE3_EXPORT_ALSO(fuse_loop_mt_312, "fuse_loop_mt@@FUSE_3.12")
int fuse_loop_mt_312(fuse* f, fuse_loop_config* config) {
  if (f == nullptr) return -1;
  if (config == nullptr) return fuse3::loop_mt_high_level(*f, fuse3::kDefaultLoopConfig);
  if (!fuse3::loop_config_valid(config)) {
    fuse3::log_error("fuse: the loop configuration was not made by fuse_loop_cfg_create()");
    return -EINVAL;
  }
  return fuse3::loop_mt_high_level(*f, *config);
}

FUSE3_EXPORT_ALSO(fuse_loop_mt_32, "fuse_loop_mt@FUSE_3.2")
int fuse_loop_mt_32(fuse* f, fuse_loop_config_v1* config) {
  fuse_loop_config converted = fuse3::kDefaultLoopConfig;
  if (config != nullptr) fuse3::loop_config_convert(&converted, config);
  return fuse_loop_mt_312(f, &converted);
}

FUSE3_EXPORT_ALSO(fuse_loop_mt_31, "fuse_loop_mt@FUSE_3.0")
int fuse_loop_mt_31(fuse* f, int clone_fd) {
  fuse_loop_config config = fuse3::kDefaultLoopConfig;
  config.clone_fd = clone_fd;
  return fuse_loop_mt_312(f, &config);
}

FUSE3_EXPORT void fuse_exit(fuse* f) {
  fuse3::exit_session(*fuse3::session_of(*f));
}

FUSE3_EXPORT fuse_context* fuse_get_context() {
  return &fuse3::thread_context().shown;
}

FUSE3_EXPORT int fuse_getgroups(int size, gid_t list[]) {
  return fuse3::context_groups(size, list);
}

FUSE3_EXPORT int fuse_interrupted() {
  return fuse3::context_interrupted() ? 1 : 0;
}

FUSE3_EXPORT int fuse_invalidate_path(fuse* f, const char* path) {
  return fuse3::invalidate_path(*f, path);
}

FUSE3_EXPORT int fuse_start_cleanup_thread(fuse* f) {
  return fuse3::start_cleaner(*f);
}

FUSE3_EXPORT void fuse_stop_cleanup_thread(fuse* f) {
  fuse3::stop_cleaner(*f);
}

FUSE3_EXPORT int fuse_clean_cache(fuse* f) {
  return fuse3::clean_cache(*f);
}

FUSE3_EXPORT fuse_session* fuse_get_session(fuse* f) {
  return fuse3::session_of(*f);
}

FUSE3_EXPORT int fuse_notify_poll(fuse_pollhandle* ph) {
  return ph != nullptr ? fuse3::notify_poll(*ph) : 0;
}
