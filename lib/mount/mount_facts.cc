#include "mount/mount_facts.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "options/mountpoint.h"
#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3 {
namespace {

Result<std::string> read_whole(const char* path) {
  const UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
  if (!file) return last_error();
  std::string content;
  char chunk[16384];
  for (;;) {
    const ssize_t got = read(file.get(), chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return last_error();
    if (got == 0) return content;
    content.append(chunk, static_cast<size_t>(got));
  }
}

std::optional<unsigned> to_number(std::string_view text) {
  unsigned value;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

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

// mountinfo writes space, tab, newline, backslash and '#' as "\ooo".
std::string unescape(std::string_view text) {
  const auto octal = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '7'; };
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                  (text[i + 3] - '0'));
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

bool is_type(std::string_view fstype, std::string_view name) {
  return fstype == name || (fstype.starts_with(name) && fstype.substr(name.size(), 1) == ".");
}

void read_super_options(std::string_view options, MountFacts* facts) {
  for (const std::string_view option : split(options, ',')) {
    if (option.starts_with("user_id=")) facts->owner = to_number(option.substr(8)).value_or(0);
    if (option.starts_with("group_id=")) facts->group = to_number(option.substr(9)).value_or(0);
  }
}

// One line: id parent major:minor root mountpoint options [tags] - type source super-options
bool read_mount_line(std::string_view line, unsigned mount_id, MountFacts* facts) {
  const std::vector<std::string_view> fields = split(line, ' ');
  if (fields.size() < 10 || to_number(fields[0]) != mount_id) return false;
  size_t dash = 6;
  while (dash < fields.size() && fields[dash] != "-") ++dash;
  if (dash + 3 >= fields.size()) return false;

  // Below the root of the mount nothing is mounted.
  if (unescape(fields[4]) != facts->path) return false;
  facts->mounted = true;
  facts->fstype = unescape(fields[dash + 1]);
  facts->source = unescape(fields[dash + 2]);
  facts->block_device = is_type(facts->fstype, "fuseblk");
  facts->fuse = facts->block_device || is_type(facts->fstype, "fuse");
  if (!facts->fuse) return true;

  const size_t colon = fields[2].find(':');
  if (colon != std::string_view::npos && !facts->block_device) {
    facts->connection = to_number(fields[2].substr(colon + 1)).value_or(0);
  }
  read_super_options(fields[dash + 3], facts);
  return true;
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
  const Result<std::string> mounts = read_whole("/proc/self/mountinfo");
  const std::optional<unsigned> mount_id = fdinfo_number(place.get(), "mnt_id");
  if (!path || !mounts || !mount_id) {
    facts.error = !path ? path.error() : !mounts ? mounts.error() : ENOSYS;
    return facts;
  }
  facts.path = *std::move(path);
  for (const std::string_view line : split(*mounts, '\n')) {
    if (read_mount_line(line, *mount_id, &facts)) break;
  }
  return facts;
}

std::optional<unsigned> connection_of_device(int device) {
  return fdinfo_number(device, "fuse_connection");
}

}  // namespace fuse3
