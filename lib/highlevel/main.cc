#include "highlevel/main.h"

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "highlevel/create.h"
#include "highlevel/high_level.h"
#include "lowlevel/help.h"
#include "options/cmdline.h"
#include "options/daemonize.h"
#include "options/loop_config.h"
#include "options/opt.h"
#include "options/signals.h"
#include "options/version.h"
#include "session/exit.h"
#include "support/log.h"

namespace fuse3 {
namespace {

enum ExitStatus {
  kSuccess = 0,
  kBadOptions = 1,
  kNoMountpoint = 2,
  kNotSetUp = 3,
  kNotMounted = 4,
  kNotDaemonized = 5,
  kNoSignalHandlers = 6,
  kServingFailed = 8,
};

void print_version() {
  std::printf("FUSE library version %s\n", version_text());
  print_low_level_version();
}

void print_help(const fuse_args& args) {
  if (args.argv[0][0] != '\0') std::printf("usage: %s [options] <mountpoint>\n\n", args.argv[0]);
  std::printf("FUSE options:\n");
  std::fputs(kCmdlineHelp, stdout);
  print_high_level_help(&args);
}

int run_loop(fuse& fuse, const fuse_cmdline_opts& options) {
  if (options.singlethread != 0) return loop_high_level(fuse);
  fuse_loop_config config = kDefaultLoopConfig;
  loop_config_set_clone_fd(&config, static_cast<unsigned>(options.clone_fd));
  loop_config_set_idle_threads(&config, options.max_idle_threads);
  loop_config_set_max_threads(&config, options.max_threads);
  return loop_mt_high_level(fuse, config);
}

ExitStatus serve_mounted(fuse& fuse, const fuse_cmdline_opts& options) {
  if (daemonize(options.foreground != 0) != 0) return kNotDaemonized;
  fuse_session* session = session_of(fuse);
  if (set_signal_handlers(session, session_exit_from_signal) != 0) return kNoSignalHandlers;
  const int result = run_loop(fuse, options);
  remove_signal_handlers(session);
  return result == 0 ? kSuccess : kServingFailed;
}

ExitStatus mount_and_serve(fuse& fuse, const fuse_cmdline_opts& options) {
  if (mount_high_level(fuse, options.mountpoint) != 0) return kNotMounted;
  const ExitStatus status = serve_mounted(fuse, options);
  unmount_high_level(fuse);
  return status;
}

}  // namespace

int run_main(int argc, char* argv[], const fuse_operations* ops, size_t ops_size, void* user_data) {
  if (argc < 1 || argv == nullptr || argv[0] == nullptr) {
    log_error("fuse: fuse_main() got an empty command line");
    return kBadOptions;
  }
  OwnedArgs args(fuse_args{argc, argv, 0});
  fuse_cmdline_opts options;
  if (parse_cmdline(args.get(), &options) != 0) return kBadOptions;
  const std::unique_ptr<char, decltype(&std::free)> mountpoint(options.mountpoint, std::free);
  if (options.show_version != 0) {
    print_version();
    return kSuccess;
  }
  if (options.show_help != 0) {
    print_help(*args.get());
    return kSuccess;
  }
  if (!mountpoint) {
    log_error("error: no mountpoint specified");
    return kNoMountpoint;
  }
  const std::unique_ptr<fuse, decltype(&destroy_high_level)> filesystem(
      new_high_level(args.get(), ops, ops_size, user_data, HelpOption::unknown),
      destroy_high_level);
  if (!filesystem) return kNotSetUp;
  return mount_and_serve(*filesystem, options);
}

}  // namespace fuse3
