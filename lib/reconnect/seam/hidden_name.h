// Names that the library gives to removed files that are open.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "support/ids.h"

struct fuse_session;

namespace fuse3::reconnect {

// Whether a file that is removed while it is open keeps such a name. Filesystems that call files by
// their names see to that by themselves.
bool hides_removed(const fuse_session& session);

inline constexpr std::string_view kHiddenPrefix = ".fuse_hidden";
// For one file, where what another mount has left is in the way.
inline constexpr unsigned kMostHiddenNames = 64;

inline bool has_hidden_form(std::string_view name) {
  return name.substr(0, kHiddenPrefix.size()) == kHiddenPrefix;
}

inline std::string hidden_name(NodeId node, unsigned attempt) {
  char name[48];
  std::snprintf(name, sizeof name, "%s%016llx%02x", kHiddenPrefix.data(),
                static_cast<unsigned long long>(node.value), attempt);
  return name;
}

}  // namespace fuse3::reconnect
