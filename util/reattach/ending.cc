#include "ending.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "failure.h"
#include "mount/fusermount.h"
#include "reconnect/state_file.h"

namespace fuse3::reattach {

using namespace reconnect;

namespace {

constexpr int kEndWithinMs = 20000;

// A process to be waited for, which somebody else starts and ends.
class Other {
 public:
  explicit Other(pid_t pid)
      : process_(pid > 0 ? static_cast<int>(syscall(SYS_pidfd_open, pid, 0)) : -1) {}
  // True at once if there was none.
  bool ends_within(int milliseconds) const {
    if (!process_) return true;
    pollfd watched{process_.get(), POLLIN, 0};
    return poll(&watched, 1, milliseconds) != 0;
  }

 private:
  UniqueFd process_;
};

bool kept_by_kernel(const Report& report) {
  return !report.keeper && report.view && report.view->kernel_keeps_connection();
}

// The last server would have removed it.
void remove_left_state(const Report& report) {
  if (!kept_by_kernel(report) || report.server != 0 || !report.directory) return;
  (void)remove_state_file(report.directory.get(), report.mount.minor, report.view->fd()).ok();
}

struct Processes {
  explicit Processes(const Report& report)
      : server(report.keeper            ? report.keeper->said.server_pid
               : kept_by_kernel(report) ? report.server
                                        : 0),
        keeper(report.keeper ? report.keeper->said.keeper_pid : 0) {}
  Other server;
  Other keeper;
};

void unmount(const std::string& mountpoint, bool lazy) {
  if (umount2(mountpoint.c_str(), UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0) return;
  int error = errno;
  if (error == EPERM) {
    const Result<void> done = unmount_by_fusermount(fusermount_candidates(), mountpoint, lazy);
    if (done) return;
    throw Failure(Exit::kFailed, "fusermount3 could not unmount " + mountpoint +
                                     "; if it is in use, --lazy unmounts it all the same");
  }
  if (error == EBUSY) {
    throw Failure(Exit::kInUse, mountpoint +
                                    " is in use: end what uses it, or give --lazy (it goes "
                                    "when nobody uses it any more), or use \"abort\"");
  }
  throw Failure(Exit::kFailed, "cannot unmount " + mountpoint + ": " + strerror(error));
}

}  // namespace

void stop(const Report& report, bool lazy) {
  const Processes processes(report);
  unmount(report.mountpoint, lazy);
  if (lazy) return;
  remove_left_state(report);
  if (processes.keeper.ends_within(kEndWithinMs) && processes.server.ends_within(kEndWithinMs)) {
    return;
  }
  throw Failure(Exit::kInUse, report.mountpoint +
                                  " is unmounted, but its server goes on: the filesystem is "
                                  "mounted somewhere else as well, or the server hangs");
}

void abort(const Report& report) {
  const Processes processes(report);
  const std::string file =
      "/sys/fs/fuse/connections/" + std::to_string(report.mount.minor) + "/abort";
  const UniqueFd control(open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!control && errno == ENOENT) {
    throw Failure(Exit::kFailed, file +
                                     " is not there: mount -t fusectl none "
                                     "/sys/fs/fuse/connections");
  }
  if (!control || write(control.get(), "1", 1) != 1) {
    throw Failure(Exit::kFailed, "cannot write to " + file + ": " + strerror(errno));
  }
  remove_left_state(report);
  if (!processes.keeper.ends_within(kEndWithinMs)) {
    throw Failure(Exit::kFailed,
                  "the connection is aborted, but the keeper goes on; its log may say why");
  }
}

}  // namespace fuse3::reattach
