#include "upgrade.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>

#include "failure.h"

namespace fuse3::reattach {

using namespace reconnect;

namespace {

bool can_be_run(const std::string& path) {
  return access(path.c_str(), X_OK) == 0;
}

// As the shell finds it. The keeper starts it in another directory, so the path must be absolute;
// symbolic links in it are kept, because they may lead to the next build one day.
std::string find_executable(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    char here[PATH_MAX];
    std::string path = name;
    if (path[0] != '/' && getcwd(here, sizeof here) != nullptr)
      path = std::string(here) + "/" + name;
    if (can_be_run(path)) return path;
    throw Failure(Exit::kFailed, "cannot run " + name + ": " + strerror(errno));
  }
  const char* folders = getenv("PATH");
  for (const std::string_view folder : split(folders != nullptr ? folders : "", ':')) {
    const std::string path = std::string(folder) + "/" + name;
    if (folder.starts_with('/') && can_be_run(path)) return path;
  }
  throw Failure(Exit::kFailed, "there is no program \"" + name + "\" in PATH");
}

Result<UpgradeOutcome> ask(const std::vector<KeeperPlace>& keepers, const Report& report,
                           const std::vector<std::string>& command, unsigned start_within_seconds,
                           std::string* why) {
  for (const KeeperPlace& place : keepers) {
    if (place.connection != report.mount.minor || !place.has_socket) continue;
    Result<UpgradeOutcome> outcome =
        upgrade_server(place.directory.get(), place.connection, command, start_within_seconds, why);
    if (outcome || outcome.error() != ECONNREFUSED) return outcome;
  }
  return Error{ENOENT};
}

}  // namespace

std::string upgrade(const std::string& mountpoint, const std::vector<KeeperPlace>& keepers,
                    std::vector<std::string> command, unsigned start_within_seconds) {
  const Report report = report_on_target(mountpoint, keepers);
  const HeldBy holder = held_by(report);
  if (holder == HeldBy::kKernel) {
    throw Failure(Exit::kNoReconnect,
                  report.mountpoint +
                      " has no keeper, who would do that: end its server with SIGKILL and start "
                      "the new one on the same mountpoint, which takes over");
  }
  if (holder == HeldBy::kSystemd) {
    throw Failure(Exit::kNoReconnect, report.mountpoint +
                                          " is a service's: \"systemctl restart\" exchanges its "
                                          "server, if its unit has RestartKillSignal=RTMIN+7");
  }
  if (holder == HeldBy::kNobody) {
    throw Failure(Exit::kNoReconnect,
                  report.mountpoint + " is not served any more: mount it again");
  }
  if (!command.empty()) command.insert(command.begin(), find_executable(command.front()));
  std::string why;
  const Result<UpgradeOutcome> outcome = ask(keepers, report, command, start_within_seconds, &why);
  if (!outcome) {
    const Exit status = outcome.error() == EACCES  ? Exit::kNotAllowed
                        : outcome.error() == EBUSY ? Exit::kInUse
                                                   : Exit::kNoAnswer;
    throw Failure(status, report.mountpoint + ": " + why);
  }
  if (outcome->result != UpgradeResult::kDone) {
    throw Failure(Exit::kOldOneServes, report.mountpoint + ": " + outcome->text +
                                           (outcome->result == UpgradeResult::kReverted
                                                ? "; the command from before serves it again"
                                                : ""));
  }
  return report.mountpoint + " is served by process " + std::to_string(outcome->server_pid) +
         " now\n";
}

}  // namespace fuse3::reattach
