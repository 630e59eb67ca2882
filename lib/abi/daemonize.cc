// fuse_common.h: what a server does around its loop, and which version this is
#include "options/daemonize.h"
#include "abi/export.h"
#include "options/loop_config.h"
#include "options/signals.h"
#include "options/version.h"
#include "session/exit.h"

FUSE3_EXPORT int fuse_daemonize(int foreground) {
  return fuse3::daemonize(foreground != 0);
}

FUSE3_EXPORT int fuse_set_signal_handlers(fuse_session* se) {
  return fuse3::set_signal_handlers(se, fuse3::session_exit_from_signal);
}

FUSE3_EXPORT int fuse_set_fail_signal_handlers(fuse_session* se) {
  return fuse3::set_fail_signal_handlers(se);
}

FUSE3_EXPORT void fuse_remove_signal_handlers(fuse_session* se) {
  fuse3::remove_signal_handlers(se);
}

FUSE3_EXPORT fuse_loop_config* fuse_loop_cfg_create() {
  return fuse3::loop_config_create();
}

FUSE3_EXPORT void fuse_loop_cfg_destroy(fuse_loop_config* config) {
  fuse3::loop_config_destroy(config);
}

FUSE3_EXPORT void fuse_loop_cfg_set_idle_threads(fuse_loop_config* config, unsigned value) {
  fuse3::loop_config_set_idle_threads(config, value);
}

FUSE3_EXPORT void fuse_loop_cfg_set_max_threads(fuse_loop_config* config, unsigned value) {
  fuse3::loop_config_set_max_threads(config, value);
}

FUSE3_EXPORT void fuse_loop_cfg_set_clone_fd(fuse_loop_config* config, unsigned value) {
  fuse3::loop_config_set_clone_fd(config, value);
}

FUSE3_EXPORT void fuse_loop_cfg_convert(fuse_loop_config* config, fuse_loop_config_v1* v1_conf) {
  fuse3::loop_config_convert(config, v1_conf);
}

FUSE3_EXPORT int fuse_version() {
  return fuse3::version_number();
}

FUSE3_EXPORT const char* fuse_pkgversion() {
  return fuse3::version_text();
}
