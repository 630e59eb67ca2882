#include "configuration.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "mount/mountinfo.h"
#include "support/log.h"

namespace fuse3::fusermount {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

void complain(unsigned number, const char* what, std::string_view line) {
  constexpr size_t kShown = 80;
  log_error("fusermount3: %s, line %u: %s: \"%.*s\"\n", kConfigurationFile, number, what,
            static_cast<int>(line.size() < kShown ? line.size() : kShown), line.data());
}

bool take_mount_max(std::string_view value, Configuration* configuration) {
  if (value == "-1") {
    configuration->mount_max.reset();
    return true;
  }
  const std::optional<unsigned> count = to_number(value);
  if (!count) return false;
  configuration->mount_max = *count;
  return true;
}

void take_line(unsigned number, std::string_view line, Configuration* configuration) {
  const size_t equals = line.find('=');
  const std::string_view name = trimmed(line.substr(0, equals));
  const bool has_value = equals != std::string_view::npos;
  if (name == "user_allow_other" && !has_value) {
    configuration->user_allow_other = true;
  } else if (name == "mount_max" && has_value) {
    if (!take_mount_max(trimmed(line.substr(equals + 1)), configuration)) {
      complain(number, "mount_max needs a number, or -1 for no limit", line);
    }
  } else if (name == "reattach" && !has_value) {
    // The library's own business.
  } else {
    complain(number, "not understood and ignored", line);
  }
}

}  // namespace

Configuration parse_configuration(std::string_view text) {
  Configuration configuration;
  unsigned number = 0;
  for (const std::string_view whole : split(text, '\n')) {
    ++number;
    const std::string_view line = trimmed(whole.substr(0, whole.find('#')));
    if (!line.empty()) take_line(number, line, &configuration);
  }
  return configuration;
}

Configuration read_configuration(const char* path) {
  const Result<std::string> text = read_whole(path);
  if (!text) {
    if (text.error() != ENOENT) {
      log_error("fusermount3: cannot read %s: %s\n", path, strerror(text.error()));
    }
    return {};
  }
  return parse_configuration(*text);
}

}  // namespace fuse3::fusermount
