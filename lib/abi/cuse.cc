// cuse_lowlevel.h
#include "abi/export.h"
#include "cuse/device.h"
#include "cuse/setup.h"
#include "options/loop_config.h"
#include "session/session.h"
#include "support/log.h"

namespace {

bool complete(const cuse_info* info, const cuse_lowlevel_ops* ops) {
  if (info != nullptr && ops != nullptr) return true;
  fuse3::log_error("cuse: the device or its operations are missing");
  return false;
}

int serve(fuse_session& session, bool multithreaded) {
  if (!multithreaded) return fuse3::run_single_threaded(session);
  const fuse_loop_config& config = fuse3::kDefaultLoopConfig;
  return fuse3::run_multi_threaded(
      session, {config.clone_fd != 0, config.max_threads, config.max_idle_threads});
}

}  // namespace

FUSE3_EXPORT fuse_session* cuse_lowlevel_new(fuse_args* args, const cuse_info* ci,
                                             const cuse_lowlevel_ops* clop, void* userdata) {
  return complete(ci, clop) ? fuse3::cuse::new_session(args, *ci, *clop, userdata) : nullptr;
}

FUSE3_EXPORT fuse_session* cuse_lowlevel_setup(int argc, char* argv[], const cuse_info* ci,
                                               const cuse_lowlevel_ops* clop, int* multithreaded,
                                               void* userdata) {
  if (!complete(ci, clop)) return nullptr;
  const auto prepared = fuse3::cuse::set_up(argc, argv, *ci, *clop, userdata);
  if (!prepared || prepared->session == nullptr) return nullptr;
  *multithreaded = prepared->multithreaded ? 1 : 0;
  return prepared->session;
}

FUSE3_EXPORT void cuse_lowlevel_teardown(fuse_session* se) {
  fuse3::cuse::tear_down(se);
}

FUSE3_EXPORT int cuse_lowlevel_main(int argc, char* argv[], const cuse_info* ci,
                                    const cuse_lowlevel_ops* clop, void* userdata) {
  if (!complete(ci, clop)) return 1;
  const auto prepared = fuse3::cuse::set_up(argc, argv, *ci, *clop, userdata);
  if (!prepared) return 1;
  if (prepared->session == nullptr) return 0;
  const int result = serve(*prepared->session, prepared->multithreaded);
  fuse3::cuse::tear_down(prepared->session);
  return result < 0 ? 1 : 0;
}
