#include "mount/mount_facts.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

#include "mount/mountinfo.h"
#include "options/mountpoint.h"
#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3 {
namespace {

// A "name:<tab>value" line of /proc/self/fdinfo.
std::optional<unsigned> fdinfo_number(int fd, std::string_view name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  const Result<std::string> content = read_whole(path);
  if (!content) return std::nullopt;
  for (std::string_view line : split(*content, '\n')) {
    if (!line.starts_with(name) || line.substr(name.size(), 1) != ":") continue;
    line.remove_prefix(name.size() + 1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return to_number(line);
  }
  return std::nullopt;
}

void take(MountLine line, MountFacts* facts) {
  // Below the root of the mount nothing is mounted.
  if (line.point != facts->path) return;
  facts->mounted = true;
  facts->fuse = line.fuse;
  facts->block_device = line.block_device;
  facts->owner = line.owner;
  facts->group = line.group;
  if (line.fuse && !line.block_device) facts->connection = line.minor;
  facts->fstype = std::move(line.fstype);
  facts->source = std::move(line.source);
}

}  // namespace

std::string MountFacts::subtype() const {
  const size_t dot = fstype.find('.');
  return dot == std::string::npos ? std::string() : fstype.substr(dot + 1);
}

MountFacts find_mount(const char* mountpoint) {
  MountFacts facts;
  const UniqueFd place(open(mountpoint, O_PATH | O_CLOEXEC));
  if (!place) {
    facts.error = errno;
    return facts;
  }
  Result<std::string> path = resolve_mountpoint(mountpoint);
  Result<std::vector<MountLine>> mounts = read_mounts();
  const std::optional<unsigned> mount_id = fdinfo_number(place.get(), "mnt_id");
  if (!path || !mounts || !mount_id) {
    facts.error = !path ? path.error() : !mounts ? mounts.error() : ENOSYS;
    return facts;
  }
  facts.path = *std::move(path);
  for (MountLine& line : *mounts) {
    if (line.id == *mount_id) take(std::move(line), &facts);
  }
  return facts;
}

std::optional<unsigned> connection_of_device(int device) {
  return fdinfo_number(device, "fuse_connection");
}

}  // namespace fuse3
