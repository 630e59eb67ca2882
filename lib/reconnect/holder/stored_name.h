// Names of descriptors in systemd's store. One says all that a successor needs to tell it from
// those of other mounts of the same service, and from those of a mount that had the same connection
// number before: the nonce is the state's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fuse3::reconnect {

struct StoredMountKey {
  unsigned connection = 0;
  unsigned ordinal = 0;  // of its fuse_session_mount() in the process that mounted it
  uint64_t nonce = 0;
  bool operator==(const StoredMountKey&) const = default;
};

struct StoredName {
  enum class Role : uint8_t { state, auto_unmount, device, probe };
  StoredMountKey mount;
  Role role = Role::state;
  unsigned device = 0;  // of a device, its index

  // "fuse-reattach-12-1-0123456789abcdef-device0"
  std::string text() const;
  // Nothing for names that are somebody else's.
  static std::optional<StoredName> parse(std::string_view text);
};

}  // namespace fuse3::reconnect
