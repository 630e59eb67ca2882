// fuse_lowlevel.h and fuse_reconnect.h: sessions and their loops
#include <cstdlib>

#include "abi/export.h"
#include "fuse_reconnect.h"
#include "mount/mount.h"
#include "options/loop_config.h"
#include "reconnect/seam/reconnect.h"
#include "session/buffers.h"
#include "session/session.h"
#include "support/log.h"

#undef fuse_session_new
#undef fuse_session_loop_mt

namespace {

// Public functions answer 0 or -1 here.
int as_status(const fuse3::Result<void>& result) { return result ? 0 : -1; }

int loop_with(fuse_session* se, const fuse_loop_config& config) {
  return fuse3::run_multi_threaded(
      *se, {config.clone_fd != 0, config.max_threads, config.max_idle_threads});
}

}  // namespace

FUSE3_EXPORT fuse_session* fuse_session_new_versioned(fuse_args* args,
                                                      const fuse_lowlevel_ops* op, size_t op_size,
                                                      libfuse_version*, void* userdata) {
  return fuse3::new_session(args, op, op_size, userdata);
}

FUSE3_EXPORT fuse_session* fuse_session_new(fuse_args* args, const fuse_lowlevel_ops* op,
                                            size_t op_size, void* userdata) {
  return fuse3::new_session(args, op, op_size, userdata);
}

FUSE3_EXPORT void fuse_session_destroy(fuse_session* se) {
  if (se != nullptr) fuse3::destroy_session(se);
}

FUSE3_EXPORT int fuse_session_mount(fuse_session* se, const char* mountpoint) {
  return as_status(fuse3::mount_session(*se, mountpoint));
}

FUSE3_EXPORT void fuse_session_unmount(fuse_session* se) { fuse3::unmount_session(*se); }

FUSE3_EXPORT int fuse_session_loop(fuse_session* se) { return fuse3::run_single_threaded(*se); }

FUSE3_EXPORT_ALSO(fuse_session_loop_mt_312, "fuse_session_loop_mt@@FUSE_3.12")
int fuse_session_loop_mt_312(fuse_session* se, fuse_loop_config* config) {
  if (config == nullptr) return loop_with(se, fuse3::kDefaultLoopConfig);
  if (!fuse3::loop_config_valid(config)) {
    fuse3::log_error("fuse: the loop configuration was not made by fuse_loop_cfg_create()");
    return -EINVAL;
  }
  return loop_with(se, *config);
}

FUSE3_EXPORT_ALSO(fuse_session_loop_mt_32, "fuse_session_loop_mt@FUSE_3.2")
int fuse_session_loop_mt_32(fuse_session* se, fuse_loop_config_v1* config) {
  fuse_loop_config converted = fuse3::kDefaultLoopConfig;
  if (config != nullptr) fuse3::loop_config_convert(&converted, config);
  return loop_with(se, converted);
}

FUSE3_EXPORT_ALSO(fuse_session_loop_mt_31, "fuse_session_loop_mt@FUSE_3.0")
int fuse_session_loop_mt_31(fuse_session* se, int clone_fd) {
  fuse_loop_config config = fuse3::kDefaultLoopConfig;
  config.clone_fd = clone_fd;
  return loop_with(se, config);
}

FUSE3_EXPORT void fuse_session_exit(fuse_session* se) { fuse3::exit_session(*se); }

FUSE3_EXPORT void fuse_session_reset(fuse_session* se) { fuse3::reset_session(*se); }

FUSE3_EXPORT int fuse_session_exited(fuse_session* se) { return se->exited() ? 1 : 0; }

FUSE3_EXPORT int fuse_session_fd(fuse_session* se) { return fuse3::descriptor_to_wait_for(*se); }

FUSE3_EXPORT void fuse_session_process_buf(fuse_session* se, const fuse_buf* buf) {
  fuse3::process_buffer(*se, *buf);
}

FUSE3_EXPORT int fuse_session_receive_buf(fuse_session* se, fuse_buf* buf) {
  return fuse3::receive_buffer(*se, *buf);
}

FUSE3_EXPORT int fuse_open_channel(const char* mountpoint, const char* options) {
  auto device = fuse3::open_channel(mountpoint, options);
  return device ? device->release() : -1;
}

FUSE3_EXPORT int fuse_session_reattach(fuse_session* se, const char* mountpoint) {
  const auto result = fuse3::reconnect::take_over(*se, mountpoint);
  return result ? 0 : -result.error();
}

FUSE3_EXPORT int fuse_session_reconnect_figures(fuse_session* se,
                                                fuse_reconnect_figures* figures) {
  const auto result = fuse3::reconnect::read_figures(*se, *figures);
  return result ? 0 : -result.error();
}
