#include "mounted.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "mount/mount_identity.h"
#include "mountpoint.h"
#include "support/log.h"

namespace fuse3::fusermount {
namespace {

Error cannot_look(const std::string& path, int error) {
  log_error("fusermount3: cannot find out what is mounted on %s: %s\n", path.c_str(),
            strerror(error));
  return Error{error};
}

Error not_mounted(const std::string& path) {
  log_error("fusermount3: no FUSE filesystem is mounted on %s\n", path.c_str());
  return Error{EINVAL};
}

Result<void> check_owner(const std::string& path, const MountLine& line, const Caller& caller) {
  if (!line.fuse) {
    log_error("fusermount3: what is mounted on %s is of type %s, not a FUSE filesystem\n",
              path.c_str(), line.fstype.c_str());
    return Error{EINVAL};
  }
  if (!caller.root() && line.owner != caller.user) {
    log_error("fusermount3: the filesystem on %s was mounted by user %u, not by you\n",
              path.c_str(), line.owner);
    return Error{EPERM};
  }
  return {};
}

}  // namespace

Result<unsigned> mount_number(int place) {
  // Asked for the number alone, by giving no room for the rest.
  file_handle none = {};
  int number = -1;
  if (name_to_handle_at(place, "", &none, &number, AT_EMPTY_PATH) != 0 && errno != EOVERFLOW) {
    return last_error();
  }
  if (number < 0) return Error{ENOSYS};
  return static_cast<unsigned>(number);
}

size_t count_users_mounts(std::span<const MountLine> mounts) {
  std::vector<std::pair<unsigned, unsigned>> devices;
  for (const MountLine& line : mounts) {
    if (line.fuse && line.owner != 0) devices.emplace_back(line.major, line.minor);
  }
  std::sort(devices.begin(), devices.end());
  return static_cast<size_t>(std::unique(devices.begin(), devices.end()) - devices.begin());
}

Result<OwnMount> open_own_mount(const std::string& path, const Caller& caller) {
  OwnMount mount;
  mount.place.reset(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!mount.place) return cannot_look(path, errno);
  const Result<std::string> resolved = path_of(mount.place.get());
  if (!resolved) return cannot_look(path, resolved.error());
  const Result<unsigned> number = mount_number(mount.place.get());
  // Filesystems without handles; FUSE has them.
  if (!number && number.error() == EOPNOTSUPP) return not_mounted(path);
  if (!number) return cannot_look(path, number.error());

  Result<std::vector<MountLine>> mounts = read_mounts();
  if (!mounts) return cannot_look(path, mounts.error());
  for (MountLine& line : *mounts) {
    // Somewhere below the root of a mount nothing is mounted.
    if (line.id != *number || line.point != *resolved) continue;
    const Result<void> checked = check_owner(path, line, caller);
    if (!checked) return checked.as_error();
    mount.line = std::move(line);
    return mount;
  }
  return not_mounted(path);
}

Remembered Remembered::of(const OwnMount& mount) {
  const MountLine& line = mount.line;
  return {line.id, line.major, line.minor, line.owner, identify_mount(mount.place.get()).id};
}

Result<OwnMount> find_again(const Remembered& wanted) {
  Result<std::vector<MountLine>> mounts = read_mounts();
  if (!mounts) return mounts.as_error();
  for (MountLine& line : *mounts) {
    if (!line.fuse || line.id != wanted.id || line.major != wanted.major ||
        line.minor != wanted.minor || line.owner != wanted.owner) {
      continue;
    }
    OwnMount mount;
    mount.place.reset(open(line.point.c_str(), O_PATH | O_CLOEXEC));
    // Something else may be mounted on top of it, or of a folder on the way.
    if (!mount.place) return Error{EBUSY};
    const Result<unsigned> number = mount_number(mount.place.get());
    if (!number || *number != wanted.id) return Error{EBUSY};
    if (identify_mount(mount.place.get()).id != wanted.unique) return Error{ENOENT};
    mount.line = std::move(line);
    return mount;
  }
  return Error{ENOENT};
}

}  // namespace fuse3::fusermount
