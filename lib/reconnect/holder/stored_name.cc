#include "reconnect/holder/stored_name.h"

#include <cinttypes>
#include <cstdio>

#include "reconnect/layout.h"

namespace fuse3::reconnect {
namespace {

constexpr size_t kLongestName = 255;  // as systemd limits it

const char* word_of(StoredName::Role role) {
  switch (role) {
    case StoredName::Role::state:
      return "state";
    case StoredName::Role::auto_unmount:
      return "unmount";
    case StoredName::Role::probe:
      return "probe";
    case StoredName::Role::device:
      break;
  }
  return "device";
}

}  // namespace

std::string StoredName::text() const {
  char name[kLongestName + 1];
  const int length = std::snprintf(name, sizeof name, "fuse-reattach-%u-%u-%016" PRIx64 "-%s",
                                   mount.connection, mount.ordinal, mount.nonce, word_of(role));
  if (role == Role::device) {
    std::snprintf(name + length, sizeof name - static_cast<size_t>(length), "%u", device);
  }
  return name;
}

std::optional<StoredName> StoredName::parse(std::string_view text) {
  if (text.size() > kLongestName) return std::nullopt;
  const std::string whole(text);
  StoredName name;
  int end = 0;
  if (std::sscanf(whole.c_str(), "fuse-reattach-%u-%u-%" SCNx64 "-%n", &name.mount.connection,
                  &name.mount.ordinal, &name.mount.nonce, &end) != 3 ||
      end == 0) {
    return std::nullopt;
  }
  for (const Role role : {Role::state, Role::auto_unmount, Role::probe}) {
    if (whole.compare(static_cast<size_t>(end), std::string::npos, word_of(role)) != 0) continue;
    name.role = role;
    return name;
  }
  name.role = Role::device;
  char more = '\0';
  if (std::sscanf(whole.c_str() + end, "device%u%c", &name.device, &more) != 1 ||
      name.device >= kMaxDevices || name.text() != whole) {
    return std::nullopt;
  }
  return name;
}

}  // namespace fuse3::reconnect
