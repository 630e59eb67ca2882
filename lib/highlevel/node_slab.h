// Memory of the nodes, found by number without a lock. It is never given back before the end, so a
// number that is not in use any more leads to a dead node and not to nowhere.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "highlevel/node.h"
#include "support/spin_mutex.h"

namespace fuse3 {

class NodeSlab {
 public:
  NodeSlab() = default;
  ~NodeSlab();
  NodeSlab(const NodeSlab&) = delete;
  NodeSlab& operator=(const NodeSlab&) = delete;

  // A dead node with a number; the first gets 1. Null: no memory.
  Node* allocate();
  // Takes a dead node back.
  void free(Node* node);
  // Null: there never was such a number.
  Node* at(uint64_t index) const {
    if (index == 0 || index >= high_water_.load(std::memory_order_acquire)) return nullptr;
    return &place_of(static_cast<uint32_t>(index));
  }
  // Numbers are below this.
  uint32_t high_water() const { return high_water_.load(std::memory_order_acquire); }

 private:
  // Group g has 256 << g nodes; its memory is reserved at once and becomes real when it is used.
  static constexpr uint32_t kFirstGroup = 256;
  static constexpr uint32_t kGroups = 24;
  // So that threads seldom meet. Each takes from its own list, then from the others', then new
  // ones.
  static constexpr uint32_t kFreeLists = 8;

  struct alignas(64) FreeList {
    SpinMutex lock;
    Node* first = nullptr;
  };

  static uint32_t own_list();
  Node& place_of(uint32_t index) const;
  Node* take_from(FreeList& list);
  Node* make();

  std::array<std::atomic<Node*>, kGroups> groups_{};
  std::atomic<uint32_t> high_water_{1};
  SpinMutex grow_lock_;
  std::array<FreeList, kFreeLists> free_;
};

}  // namespace fuse3
