// A small state that operations are tried on, and what it means once a successor has recovered it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reconnect/state.h"

namespace fuse3::reconnect {

using Image = std::vector<std::byte>;

struct World {
  std::unique_ptr<State> state;
  Slot slot;
  std::vector<NodeId> nodes;
  std::vector<HandleId> handles;

  // Puts a request into the slot, as a read from the device does.
  void receive(uint32_t length);
  NodeId look_up(NodeId parent, std::string_view name, uint64_t fs_ino, const Identity& identity);
  void forget(NodeId id, uint64_t n);
  // What a successor finds when the process dies now.
  void become_stale();
};

World new_world();
Image image_of(State& state);
// A state that holds this; nobody has claimed it.
std::unique_ptr<State> state_from(const Image& image, std::string* why);

// Recovers it as a successor does and says what it means then; nothing, with a reason, if that is
// not possible or an invariant does not hold.
std::optional<std::string> meaning(const Image& image, std::string* why);

}  // namespace fuse3::reconnect
