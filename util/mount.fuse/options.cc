#include "options.h"

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "support/log.h"

namespace fuse3::mount_helper {
namespace {

// What mount(8) and the system's start-up make of a line of /etc/fstab. "user=NAME" is not among
// them: it means something else to some filesystems.
constexpr std::string_view kForMount[] = {"defaults", "auto",  "noauto",  "user",
                                          "nouser",   "users", "nousers", "_netdev",
                                          "nofail",   "owner", "group"};

bool is_for_mount(std::string_view option) {
  return option.starts_with("x-") || option.starts_with("X-") || option.starts_with("comment=") ||
         std::find(std::begin(kForMount), std::end(kForMount), option) != std::end(kForMount);
}

// Up to the next comma that has no backslash before it.
std::string_view take_first(std::string_view* list) {
  size_t end = 0;
  while (end < list->size() && (*list)[end] != ',') end += (*list)[end] == '\\' ? 2 : 1;
  end = std::min(end, list->size());
  const std::string_view first = list->substr(0, end);
  list->remove_prefix(std::min(end + 1, list->size()));
  return first;
}

void append(std::string* list, std::string_view option) {
  if (!list->empty()) *list += ',';
  *list += option;
}

std::string escaped(std::string_view value) {
  std::string result;
  for (const char c : value) {
    if (c == ',' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

// True when it is for the filesystem, too.
bool note(std::string_view option, Options* options) {
  constexpr std::string_view kUser = "setuid=";
  if (option.starts_with(kUser)) {
    options->user = option.substr(kUser.size());
    return false;
  }
  if (option == "drop_privileges") {
    options->drop_privileges = true;
    return false;
  }
  if (option == "dev" || option == "suid" || option == "nodev" || option == "nosuid") {
    (option.ends_with("dev") ? options->dev : options->suid) = !option.starts_with("no");
    return option.starts_with("no");
  }
  if (option.starts_with("fsname=")) options->has_fsname = true;
  if (option.starts_with("subtype=")) options->has_subtype = true;
  return true;
}

}  // namespace

Result<Options> part_options(std::string_view list) {
  Options options;
  while (!list.empty()) {
    const std::string_view option = take_first(&list);
    if (option.empty() || is_for_mount(option)) continue;
    if (note(option, &options)) append(&options.rest, option);
    if (option == "setuid=") {
      log_error("mount.fuse3: option setuid= needs a user\n");
      return Error{EINVAL};
    }
  }
  return options;
}

std::string with_device_options(const Options& options) {
  std::string list = options.rest;
  if (options.dev) append(&list, "dev");
  if (options.suid) append(&list, "suid");
  return list;
}

std::string for_mounting(const Options& options, const std::string& type,
                         const std::string& source) {
  std::string list = with_device_options(options);
  const std::string name = type.substr(type.rfind('/') + 1);
  if (!options.has_subtype) append(&list, "subtype=" + escaped(name));
  if (!options.has_fsname && !source.empty()) append(&list, "fsname=" + escaped(source));
  return list;
}

}  // namespace fuse3::mount_helper
