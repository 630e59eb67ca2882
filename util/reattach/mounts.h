// The mounts that commands are about, and what is known of each. Nothing here sends a request to a
// filesystem from this process, so nothing here waits for a server.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mount/mountinfo.h"
#include "reconnect/holder/take_over.h"
#include "state_view.h"

namespace fuse3::reattach {

// A runtime directory with a keeper's socket for this connection in it, or, where systemd's
// descriptor store or the kernel takes the keeper's place, with its state alone.
struct KeeperPlace {
  unsigned connection;
  UniqueFd directory;
  bool has_socket = true;
};

// Those of the caller's keepers, and of everybody's for root, that /proc shows, and those of
// services. `more` names a directory to look into as well; it may be empty.
std::vector<KeeperPlace> find_keepers(const std::string& more);

enum class MountState { kLive, kRecovering, kDetached, kGivenUp, kWithout };

struct Report {
  std::string mountpoint;
  MountLine mount;
  MountState state = MountState::kWithout;
  std::optional<reconnect::HolderStatus> keeper;  // there is one, and it answered
  std::optional<StateView> view;
  pid_t server = 0;     // without a keeper: as the state says, if it lives
  UniqueFd directory;   // likewise: where the state is
  std::string problem;  // why one of these is missing although it should be there
};

const char* name_of(MountState state);  // "LIVE"

// Who keeps the connection when it has no server.
enum class HeldBy { kNobody, kKeeper, kSystemd, kKernel };
HeldBy held_by(const Report& report);
const char* name_of(HeldBy holder);  // as in reattach_holder=; "" for nobody

Report report_on(const MountLine& mount, const std::vector<KeeperPlace>& keepers);

// The FUSE filesystem at a path, which must be the caller's, if the caller is not root.
MountLine find_target(const std::string& mountpoint);
// The same with a keeper that answers, or that was given up. Throws what is to be said else.
Report report_on_target(const std::string& mountpoint, const std::vector<KeeperPlace>& keepers);

// Every mount with a keeper, or that was given up, that is the caller's; all of them for root.
std::vector<Report> all_reports(const std::vector<KeeperPlace>& keepers);

}  // namespace fuse3::reattach
