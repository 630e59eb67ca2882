// The numbers that travel through the library, each as a type of its own so that none can stand in
// for another.
#pragma once

#include <compare>
#include <cstdint>

namespace fuse3 {

template <class Tag>
struct Id {
  uint64_t value = 0;
  constexpr auto operator<=>(const Id&) const = default;
};

// What the kernel calls a request; the top bit marks one it has sent again.
using RequestId = Id<struct RequestIdTag>;
// What the kernel calls an inode (1 is the root) and an open file or directory.
using NodeId = Id<struct NodeIdTag>;
using HandleId = Id<struct HandleIdTag>;
// Counts the server processes that one connection has had; the first is 1.
using Generation = Id<struct GenerationTag>;

inline constexpr uint64_t kResentBit = uint64_t{1} << 63;
inline constexpr NodeId kRootNode{1};

constexpr RequestId without_resent_bit(RequestId id) { return RequestId{id.value & ~kResentBit}; }

}  // namespace fuse3
