#include "cuse/setup.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "cuse/device.h"
#include "options/cmdline.h"
#include "options/daemonize.h"
#include "options/opt.h"
#include "options/signals.h"
#include "options/version.h"
#include "session/exit.h"
#include "session/session.h"
#include "support/log.h"

namespace fuse3::cuse {
namespace {

constexpr char kPath[] = "/dev/cuse";

// The arguments of a program, and what is to be freed of them.
struct CommandLine {
  CommandLine(int argc, char* argv[]) : args{argc, argv, 0} {}
  ~CommandLine() {
    opt_free_args(&args);
    std::free(opts.mountpoint);
  }
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  fuse_args args;
  fuse_cmdline_opts opts{};
};

bool only_asked(const CommandLine& line) {
  if (line.opts.show_help != 0) {
    printf("usage: %s [options]\n\n%s", line.args.argv[0], kCmdlineHelp);
    return true;
  }
  if (line.opts.show_version != 0) {
    printf("FUSE library version %s\n", version_text());
    return true;
  }
  return false;
}

Result<void> open_device(fuse_session& session) {
  UniqueFd device(::open(kPath, O_RDWR | O_CLOEXEC));
  if (!device) {
    const int error = errno;
    const bool missing = error == ENOENT || error == ENODEV || error == ENXIO;
    log_error("cuse: cannot open %s: %s%s", kPath, std::strerror(error),
              missing ? "; does the kernel have CUSE (modprobe cuse)?" : "");
    return Error{error};
  }
  std::lock_guard guard(session.device_lock);
  session.devices.push_back(std::move(device));
  return {};
}

Result<void> prepare(fuse_session* session, bool foreground) {
  if (auto opened = open_device(*session); !opened) return opened;
  if (set_signal_handlers(session, session_exit_from_signal) != 0) return Error{EINVAL};
  if (daemonize(foreground) != 0) {
    remove_signal_handlers(session);
    return Error{EIO};
  }
  return {};
}

}  // namespace

Result<Prepared> set_up(int argc, char* argv[], const cuse_info& info, const cuse_lowlevel_ops& ops,
                        void* userdata) {
  CommandLine line(argc, argv);
  if (parse_cmdline(&line.args, &line.opts) != 0) return Error{EINVAL};
  if (only_asked(line)) return Prepared{};
  if (line.opts.mountpoint != nullptr) {
    log(FUSE_LOG_WARNING, "cuse: a device is not mounted: `%s' is ignored", line.opts.mountpoint);
  }
  fuse_session* session = new_session(&line.args, info, ops, userdata);
  if (session == nullptr) return Error{EINVAL};
  if (const auto ready = prepare(session, line.opts.foreground != 0); !ready) {
    destroy_session(session);
    return ready.as_error();
  }
  return Prepared{session, line.opts.singlethread == 0};
}

void tear_down(fuse_session* session) {
  remove_signal_handlers(session);
  destroy_session(session);
}

}  // namespace fuse3::cuse
