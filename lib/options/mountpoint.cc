#include "options/mountpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "support/unique_fd.h"

namespace fuse3 {
namespace {

// Where there is no /proc: everything up to the last slash exists as an ordinary directory.
Result<std::string> resolve_by_parent(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") {
    char resolved[PATH_MAX];
    if (!realpath(path.c_str(), resolved)) return last_error();
    return std::string(resolved);
  }
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  char resolved[PATH_MAX];
  if (!realpath(parent.c_str(), resolved)) return last_error();
  std::string result = resolved;
  if (result.back() != '/') result += '/';
  return result + name;
}

}  // namespace

std::optional<int> parse_device_path(const char* mountpoint) {
  constexpr std::string_view kPrefix = "/dev/fd/";
  const std::string_view path = mountpoint;
  if (!path.starts_with(kPrefix)) return std::nullopt;
  int fd = -1;
  const char* end = path.data() + path.size();
  const auto parsed = std::from_chars(path.data() + kPrefix.size(), end, fd);
  if (parsed.ec != std::errc() || parsed.ptr != end || fd < 0) return std::nullopt;
  return fd;
}

Result<std::string> resolve_mountpoint(const char* mountpoint) {
  // O_PATH reaches the root of a mount without a word to its server.
  const UniqueFd place(open(mountpoint, O_PATH | O_CLOEXEC));
  if (!place) return last_error();

  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", place.get());
  char path[PATH_MAX];
  const ssize_t length = readlink(link, path, sizeof path);
  if (length > 0 && length < static_cast<ssize_t>(sizeof path) && path[0] == '/') {
    return std::string(path, static_cast<size_t>(length));
  }
  return resolve_by_parent(mountpoint);
}

}  // namespace fuse3
