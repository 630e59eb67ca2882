// Descriptors that systemd kept and has passed to this process ($LISTEN_FDS, $LISTEN_FDNAMES).
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "reconnect/holder/stored_name.h"
#include "support/unique_fd.h"

namespace fuse3::reconnect {

struct StoredMount {
  StoredMountKey key;
  UniqueFd state;
  std::vector<UniqueFd> devices;  // by index; holes are empty
  UniqueFd auto_unmount;
};

// Those of the descriptors from `first` on that have names of ours, `names` being separated by
// colons. The numbers are /dev/null afterwards: the filesystem may have sockets among its own and
// look at all of them.
std::vector<StoredMount> collect_inherited(int first, std::string_view names);

bool has_inherited();
// The first that `wanted` says yes to, among what this process has got and nobody has taken yet.
std::optional<StoredMount> take_inherited(const std::function<bool(const StoredMount&)>& wanted);

}  // namespace fuse3::reconnect
