#include "mount/mountinfo.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "support/unique_fd.h"

namespace fuse3 {
namespace {

// Space, tab, newline, backslash and '#' are written as "\ooo".
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

bool read_device(std::string_view text, MountLine* line) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const std::optional<unsigned> major = to_number(text.substr(0, colon));
  const std::optional<unsigned> minor = to_number(text.substr(colon + 1));
  if (!major || !minor) return false;
  line->major = *major;
  line->minor = *minor;
  return true;
}

void read_super_options(std::string_view options, MountLine* line) {
  for (const std::string_view option : split(options, ',')) {
    if (option.starts_with("user_id=")) line->owner = to_number(option.substr(8)).value_or(0);
    if (option.starts_with("group_id=")) line->group = to_number(option.substr(9)).value_or(0);
  }
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<unsigned> to_number(std::string_view text) {
  unsigned value;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

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

// id parent major:minor root mountpoint options [tags] - type source super-options
std::optional<MountLine> parse_mount_line(std::string_view text) {
  const std::vector<std::string_view> fields = split(text, ' ');
  if (fields.size() < 10) return std::nullopt;
  size_t dash = 6;
  while (dash < fields.size() && fields[dash] != "-") ++dash;
  if (dash + 3 >= fields.size()) return std::nullopt;

  MountLine line;
  const std::optional<unsigned> id = to_number(fields[0]);
  if (!id || !read_device(fields[2], &line)) return std::nullopt;
  line.id = *id;
  line.point = unescape(fields[4]);
  line.fstype = unescape(fields[dash + 1]);
  line.source = unescape(fields[dash + 2]);
  line.block_device = is_type(line.fstype, "fuseblk");
  line.fuse = line.block_device || is_type(line.fstype, "fuse");
  if (line.fuse) read_super_options(fields[dash + 3], &line);
  return line;
}

Result<std::vector<MountLine>> read_mounts() {
  const Result<std::string> content = read_whole("/proc/self/mountinfo");
  if (!content) return content.as_error();
  std::vector<MountLine> mounts;
  for (const std::string_view text : split(*content, '\n')) {
    if (std::optional<MountLine> line = parse_mount_line(text)) mounts.push_back(*std::move(line));
  }
  return mounts;
}

}  // namespace fuse3
