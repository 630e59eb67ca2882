#include "highlevel/node_slab.h"

#include <sys/mman.h>

#include <bit>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

#include "highlevel/file_locks.h"

namespace fuse3 {

Node::Node() {
  inline_name[0] = '\0';
}
Node::~Node() = default;

bool Node::set_name(std::string_view name) {
  if (name.size() <= sizeof inline_name) {
    std::memcpy(inline_name, name.data(), name.size());
    long_name.reset();
  } else {
    std::unique_ptr<char[]> copy(new (std::nothrow) char[name.size()]);
    if (copy == nullptr) return false;
    std::memcpy(copy.get(), name.data(), name.size());
    long_name = std::move(copy);
  }
  name_length = static_cast<uint32_t>(name.size());
  return true;
}

namespace {

// Index i lies in group floor(log2(i / 256 + 1)).
struct Spot {
  uint32_t group;
  uint32_t offset;
};

Spot spot_of(uint32_t index, uint32_t first_group) {
  const auto group = static_cast<uint32_t>(std::bit_width(index / first_group + 1)) - 1;
  return {group, index - first_group * ((1u << group) - 1)};
}

}  // namespace

Node& NodeSlab::place_of(uint32_t index) const {
  const Spot spot = spot_of(index, kFirstGroup);
  return groups_[spot.group].load(std::memory_order_acquire)[spot.offset];
}

uint32_t NodeSlab::own_list() {
  static std::atomic<uint32_t> threads{0};
  thread_local const uint32_t mine = threads.fetch_add(1, std::memory_order_relaxed) % kFreeLists;
  return mine;
}

NodeSlab::~NodeSlab() {
  const uint32_t end = high_water();
  for (uint32_t i = 1; i < end; ++i) place_of(i).~Node();
  for (uint32_t g = 0; g < kGroups; ++g) {
    void* memory = groups_[g].load(std::memory_order_relaxed);
    if (memory != nullptr) ::munmap(memory, sizeof(Node) * (size_t{kFirstGroup} << g));
  }
}

Node* NodeSlab::take_from(FreeList& list) {
  std::lock_guard guard(list.lock);
  Node* node = list.first;
  if (node != nullptr) list.first = std::exchange(node->next, nullptr);
  return node;
}

Node* NodeSlab::allocate() {
  const uint32_t own = own_list();
  for (uint32_t i = 0; i < kFreeLists; ++i) {
    if (Node* node = take_from(free_[(own + i) % kFreeLists])) return node;
  }
  return make();
}

void NodeSlab::free(Node* node) {
  ++node->reuse;
  FreeList& list = free_[own_list()];
  std::lock_guard guard(list.lock);
  node->next = list.first;
  list.first = node;
}

Node* NodeSlab::make() {
  std::lock_guard guard(grow_lock_);
  const uint32_t index = high_water_.load(std::memory_order_relaxed);
  const Spot spot = spot_of(index, kFirstGroup);
  if (spot.group >= kGroups) return nullptr;
  Node* group = groups_[spot.group].load(std::memory_order_relaxed);
  if (group == nullptr) {
    const size_t size = sizeof(Node) * (size_t{kFirstGroup} << spot.group);
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    group = static_cast<Node*>(memory);
    groups_[spot.group].store(group, std::memory_order_release);
  }
  Node* node = new (&group[spot.offset]) Node;
  node->index = index;
  high_water_.store(index + 1, std::memory_order_release);
  return node;
}

}  // namespace fuse3
