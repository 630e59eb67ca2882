#include "mounts.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <set>

#include "failure.h"
#include "mount/mount_facts.h"
#include "reconnect/state.h"

namespace fuse3::reattach {

using namespace reconnect;

namespace {

constexpr int kProbeMs = 1000;

// Whether the connection has ended, so that every call on the mount fails at once. Asking can wait
// for a server, so another process asks, which is ended when it takes too long.
bool is_dead(const std::string& mountpoint) {
  const pid_t child = fork();
  if (child == 0) {
    struct statfs facts;
    _exit(statfs(mountpoint.c_str(), &facts) != 0 && errno == ENOTCONN ? 1 : 0);
  }
  if (child < 0) return false;
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
  pollfd watched{process.get(), POLLIN, 0};
  if (poll(&watched, 1, kProbeMs) != 1) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

MountState state_of(const HolderStatus& keeper) {
  switch (keeper.said.state) {
    case HolderState::kLive:
      return MountState::kLive;
    case HolderState::kRecovering:
      return MountState::kRecovering;
    default:
      return MountState::kDetached;
  }
}

// The socket lies in its owner's directory: somebody else who answers there is not believed.
bool is_owner(const HolderStatus& status, int directory) {
  struct stat facts;
  return fstat(directory, &facts) == 0 && status.owner == facts.st_uid;
}

void ask_keeper(const KeeperPlace& place, Report* report) {
  std::string why;
  Result<HolderStatus> status = holder_status(place.directory.get(), place.connection, &why);
  if (!status) {
    // A name that a dead keeper has left.
    if (status.error() != ENOENT && status.error() != ECONNREFUSED) report->problem = why;
    return;
  }
  if (!is_owner(*status, place.directory.get()) || status->said.connection != place.connection) {
    report->problem = "whoever answers on the keeper's socket is not the keeper of this mount";
    return;
  }
  Result<StateView> view = StateView::open(std::move(status->state), &report->problem);
  if (view) report->view = std::move(*view);
  report->state = state_of(*status);
  report->keeper = std::move(*status);
}

// A server without a keeper: its state is all there is to look at. With a keeper's socket in which
// nobody is, only where the kernel keeps the connection.
void read_state(const KeeperPlace& place, Report* report) {
  const std::string name = state_name(place.connection);
  UniqueFd file(
      openat(place.directory.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat facts;
  if (!file || fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return;
  std::string why;
  Result<StateView> view = StateView::open(std::move(file), &why);
  if (!view || view->header().fixed.connection != place.connection) return;
  if (place.has_socket && !view->kernel_keeps_connection()) return;
  const Server server = server_of(view->header());
  report->server = is_alive(server) ? server.pid : 0;
  report->state = report->server == 0          ? MountState::kDetached
                  : view->header().outage != 0 ? MountState::kRecovering
                                               : MountState::kLive;
  report->directory.reset(fcntl(place.directory.get(), F_DUPFD_CLOEXEC, 0));
  report->view = std::move(*view);
}

void look_at(const KeeperPlace& place, Report* report) {
  if (place.has_socket) ask_keeper(place, report);
  if (!report->keeper && report->problem.empty()) read_state(place, report);
}

bool is_callers(const MountLine& mount) {
  return geteuid() == 0 || mount.owner == geteuid();
}

bool has_connection(const MountLine& mount) {
  return mount.fuse && !mount.block_device;
}

}  // namespace

const char* name_of(MountState state) {
  switch (state) {
    case MountState::kLive:
      return "LIVE";
    case MountState::kRecovering:
      return "RECOVERING";
    case MountState::kDetached:
      return "DETACHED";
    case MountState::kGivenUp:
      return "GIVEN-UP";
    default:
      return "WITHOUT";
  }
}

HeldBy held_by(const Report& report) {
  if (report.keeper) return HeldBy::kKeeper;
  if (!report.view || report.state == MountState::kGivenUp) return HeldBy::kNobody;
  return report.view->kernel_keeps_connection() ? HeldBy::kKernel : HeldBy::kSystemd;
}

const char* name_of(HeldBy holder) {
  switch (holder) {
    case HeldBy::kKeeper:
      return "keeper";
    case HeldBy::kSystemd:
      return "systemd";
    case HeldBy::kKernel:
      return "kernel";
    case HeldBy::kNobody:
      break;
  }
  return "";
}

Report report_on(const MountLine& mount, const std::vector<KeeperPlace>& keepers) {
  Report report;
  report.mountpoint = mount.point;
  report.mount = mount;
  for (const KeeperPlace& place : keepers) {
    if (place.connection != mount.minor || report.keeper) continue;
    look_at(place, &report);
  }
  if (!report.keeper && report.server == 0 && report.problem.empty() && is_dead(mount.point)) {
    report.state = MountState::kGivenUp;
  }
  return report;
}

MountLine find_target(const std::string& mountpoint) {
  const MountFacts facts = find_mount(mountpoint.c_str());
  if (facts.error != 0) {
    throw Failure(Exit::kNoMount, mountpoint + ": " + strerror(facts.error));
  }
  if (!facts.mounted) {
    throw Failure(Exit::kNoMount,
                  facts.path + " is not a mountpoint; \"fuse-reattach list\" shows yours");
  }
  if (!facts.fuse) {
    throw Failure(Exit::kNoMount,
                  "what is mounted at " + facts.path + " is " + facts.fstype + ", not FUSE");
  }
  if (facts.block_device) {
    throw Failure(Exit::kNoReconnect, facts.path + " is a blkdev mount, which has no reconnect");
  }
  MountLine mount;
  mount.minor = facts.connection;
  mount.point = facts.path;
  mount.fstype = facts.fstype;
  mount.source = facts.source;
  mount.fuse = true;
  mount.owner = facts.owner;
  if (!is_callers(mount)) {
    throw Failure(Exit::kNotAllowed, facts.path + " belongs to user " +
                                         std::to_string(facts.owner) +
                                         ": run this as that user, or as root");
  }
  return mount;
}

Report report_on_target(const std::string& mountpoint, const std::vector<KeeperPlace>& keepers) {
  Report report = report_on(find_target(mountpoint), keepers);
  if (!report.keeper && !report.problem.empty()) {
    throw Failure(Exit::kNoAnswer, report.mountpoint + ": " + report.problem);
  }
  if (report.state == MountState::kWithout) {
    throw Failure(
        Exit::kNoReconnect,
        report.mountpoint +
            " has no reconnect: unmount it, and start its server with -o reattach or with "
            "FUSE_REATTACH=1 in its environment. (If it has it, name its reattach_dir "
            "with --dir.)");
  }
  return report;
}

std::vector<Report> all_reports(const std::vector<KeeperPlace>& keepers) {
  const Result<std::vector<MountLine>> mounts = read_mounts();
  if (!mounts) {
    throw Failure(Exit::kFailed,
                  std::string("cannot read /proc/self/mountinfo: ") + strerror(mounts.error()));
  }
  std::vector<Report> reports;
  std::set<unsigned> seen;  // a connection may be mounted in several places
  for (const MountLine& mount : *mounts) {
    if (!has_connection(mount) || !is_callers(mount) || !seen.insert(mount.minor).second) continue;
    Report report = report_on(mount, keepers);
    if (report.state != MountState::kWithout || !report.problem.empty()) {
      reports.push_back(std::move(report));
    }
  }
  // Those that are mounted elsewhere only: in another namespace, or detached with files open.
  for (const KeeperPlace& place : keepers) {
    if (!seen.insert(place.connection).second) continue;
    Report report;
    report.mount.minor = place.connection;
    look_at(place, &report);
    if (report.view) report.mountpoint = report.view->header().fixed.mountpoint;
    if (report.keeper || report.server != 0) reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace fuse3::reattach
