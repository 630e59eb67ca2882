// Names that change: removal, rename, and remembering what the kernel has forgotten.
#include <algorithm>

#include "highlevel/tree.h"

namespace fuse3 {

void Tree::detach(Node& node) {
  Node* parent = nullptr;
  change(node, [&] {
    parent = node.parent;
    if (parent == nullptr) return;
    take_out(shards_[node.shard.load(std::memory_order_relaxed)], node);
    node.parent = nullptr;
    node.name_length = 0;
    node.hidden = false;
    if (node.remembered) unlist(node);
  });
  if (parent != nullptr) drop_child(*parent);
}

// Two nodes may have one name for a while: one was looked up by it while the filesystem gave it to
// the other. Both lead to the same path, and it is found by the one that came last.
bool Tree::put_under(Node& node, Node& parent, std::string_view name, bool hidden) {
  const uint64_t hash = hash_of(parent, name);
  // Nobody else changes the node's shard: its place is owned.
  const uint32_t from = node.shard.load(std::memory_order_relaxed);
  const uint32_t to = shard_of(hash);
  const std::unique_lock first(shards_[std::min(from, to)].lock);
  std::unique_lock<SpinMutex> second;
  if (from != to) second = std::unique_lock(shards_[std::max(from, to)].lock);
  take_out(shards_[from], node);
  const bool named = node.set_name(name);
  if (named) {
    node.parent = &parent;
    node.hash = hash;
    node.hidden = hidden;
    node.shard.store(to, std::memory_order_release);
  }
  put_in(shards_[named ? to : from], node);
  return named;
}

Result<void> Tree::move(Node* node, Node& parent, std::string_view name, Node* replaced,
                        bool hidden) {
  if (node != nullptr && node != replaced && node->parent != nullptr) {
    Node& old_parent = *node->parent;
    add_child(parent);
    const bool moved = put_under(*node, parent, name, hidden);
    drop_child(moved ? old_parent : parent);
    if (!moved) return Error{ENOMEM};
  }
  if (replaced != nullptr && replaced != node) detach(*replaced);
  return {};
}

Result<void> Tree::exchange(Node* one, Node& one_parent, std::string_view one_name, Node* other,
                            Node& other_parent, std::string_view other_name) {
  if (auto moved = move(one, other_parent, other_name, nullptr); !moved) return moved;
  auto moved = move(other, one_parent, one_name, nullptr);
  // Better without a name than with a wrong one.
  if (!moved) detach(*other);
  return moved;
}

// In its shard's lock.
void Tree::remember(Node& node) {
  node.remembered = true;
  if (remember_ == kForgetNever) return;
  ::clock_gettime(CLOCK_MONOTONIC, &node.forgotten);
  std::lock_guard guard(forgotten_lock_);
  node.older = newest_;
  node.newer = nullptr;
  (newest_ != nullptr ? newest_->newer : oldest_) = &node;
  newest_ = &node;
}

// In its shard's lock.
void Tree::unlist(Node& node) {
  node.remembered = false;
  if (remember_ == kForgetNever) return;
  std::lock_guard guard(forgotten_lock_);
  (node.older != nullptr ? node.older->newer : oldest_) = node.newer;
  (node.newer != nullptr ? node.newer->older : newest_) = node.older;
  node.older = node.newer = nullptr;
}

int Tree::clean(timespec now) {
  if (remember_ <= 0) return INT_MAX;
  for (;;) {
    Node* node;
    {
      std::lock_guard guard(forgotten_lock_);
      node = oldest_;
    }
    if (node == nullptr) return remember_;
    time_t left = 0;
    change(*node, [&] {
      // It may have been looked up, or freed, meanwhile.
      if (!node->remembered) return;
      left = node->forgotten.tv_sec + remember_ - now.tv_sec;
      if (left <= 0) unlist(*node);
    });
    if (left > 0) return static_cast<int>(std::min<time_t>(left, remember_));
  }
}

}  // namespace fuse3
