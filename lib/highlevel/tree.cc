// Finding, making, counting and freeing nodes.
#include "highlevel/tree.h"

#include <sys/random.h>

#include <algorithm>

#include "highlevel/file_locks.h"
#include "support/hash.h"

namespace fuse3 {
namespace {

uint64_t random_seed() {
  uint64_t seed = 0;
  if (::getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed) {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    seed = static_cast<uint64_t>(now.tv_nsec);
  }
  return seed;
}

}  // namespace

Tree::Tree() : seed_(random_seed()) {
  for (Shard& shard : shards_) shard.buckets.resize(kFirstBuckets);
  root_ = slab_.allocate();
  root_->lookups = 1;
  root_->place.live();
  count_ = 1;
}

Tree::~Tree() = default;

Tree::Locked::Locked(Tree& tree, Node& node) {
  for (;;) {
    const uint32_t number = node.shard.load(std::memory_order_acquire);
    shard_ = &tree.shards_[number];
    shard_->lock.lock();
    if (node.shard.load(std::memory_order_relaxed) == number) return;
    shard_->lock.unlock();
  }
}

uint64_t Tree::hash_of(const Node& parent, std::string_view name) const {
  return hash_bytes(seed_ ^ parent.index, name);
}

Node*& Tree::chain(Shard& shard, uint64_t hash) {
  return shard.buckets[hash & (shard.buckets.size() - 1)];
}

Node* Tree::find_in(Shard& shard, uint64_t hash, const Node& parent, std::string_view name) {
  for (Node* node = chain(shard, hash); node != nullptr; node = node->next) {
    if (node->hash == hash && node->parent == &parent && node->name() == name) return node;
  }
  return nullptr;
}

void Tree::grow(Shard& shard) {
  std::vector<Node*> old(shard.buckets.size() * 2);
  old.swap(shard.buckets);
  for (Node* node : old) {
    while (node != nullptr) {
      Node* const next = node->next;
      Node*& head = chain(shard, node->hash);
      node->next = head;
      head = node;
      node = next;
    }
  }
}

void Tree::put_in(Shard& shard, Node& node) {
  if (++shard.nodes > shard.buckets.size() * kLoad) grow(shard);
  Node*& head = chain(shard, node.hash);
  node.next = head;
  head = &node;
}

void Tree::take_out(Shard& shard, Node& node) {
  Node** link = &chain(shard, node.hash);
  while (*link != &node) link = &(*link)->next;
  *link = node.next;
  node.next = nullptr;
  --shard.nodes;
}

Node* Tree::find(uint64_t index) const {
  Node* node = slab_.at(index);
  return node != nullptr && !node->place.dead() ? node : nullptr;
}

Node* Tree::make(Node& parent, std::string_view name, uint64_t hash) {
  Node* node = slab_.allocate();
  if (node == nullptr) return nullptr;
  if (!node->set_name(name)) {
    slab_.free(node);
    return nullptr;
  }
  node->parent = &parent;
  node->hash = hash;
  node->shard.store(shard_of(hash), std::memory_order_relaxed);
  node->lookups = 1;
  node->place.live();
  return node;
}

Result<Node*> Tree::look_up(Node& parent, std::string_view name) {
  const uint64_t hash = hash_of(parent, name);
  Shard& shard = shards_[shard_of(hash)];
  {
    std::lock_guard guard(shard.lock);
    if (Node* node = find_in(shard, hash, parent, name)) {
      if (node->lookups++ == 0 && node->remembered) unlist(*node);
      return node;
    }
  }
  Node* made = make(parent, name, hash);
  if (made == nullptr) return Error{ENOMEM};
  add_child(parent);
  Node* there;
  {
    std::lock_guard guard(shard.lock);
    there = find_in(shard, hash, parent, name);
    if (there == nullptr) {
      put_in(shard, *made);
      count_.fetch_add(1, std::memory_order_relaxed);
      return made;
    }
    if (there->lookups++ == 0 && there->remembered) unlist(*there);
    // Another thread was faster. Nobody knows of this one.
    made->parent = nullptr;
    made->lookups = 0;
    (void)made->place.die();
  }
  slab_.free(made);
  drop_child(parent);
  return there;
}

void Tree::look_up_again(Node& node) {
  const Locked guard(*this, node);
  if (node.lookups++ == 0 && node.remembered) unlist(node);
}

void Tree::forget(Node& node, uint64_t count) {
  change(node, [&] {
    node.lookups -= std::min(node.lookups, count);
    if (node.lookups != 0 || &node == root_) return;
    if (remember_ != kForgetAtOnce && attached(node) && !node.remembered) remember(node);
  });
}

Node* Tree::hold_child(const Node& parent, std::string_view name) {
  const uint64_t hash = hash_of(parent, name);
  Shard& shard = shards_[shard_of(hash)];
  std::lock_guard guard(shard.lock);
  Node* node = find_in(shard, hash, parent, name);
  if (node != nullptr) ++node->holds;
  return node;
}

void Tree::hold(Node& node) {
  const Locked guard(*this, node);
  ++node.holds;
}

void Tree::release(Node& node) {
  change(node, [&] { --node.holds; });
}

bool Tree::unused(const Node& node) const {
  return node.lookups == 0 && node.children == 0 && node.opens == 0 && node.holds == 0 &&
         !node.remembered && &node != root_;
}

void Tree::add_child(Node& parent) {
  const Locked guard(*this, parent);
  ++parent.children;
}

void Tree::drop_child(Node& parent) {
  change(parent, [&] { --parent.children; });
}

// In the node's lock. A node whose place somebody shares stays, as one the kernel knows nothing of;
// that takes a request about a node that the kernel is forgetting.
bool Tree::reap(Node& node, Node** parent) {
  if (!unused(node) || !node.place.die()) return false;
  *parent = node.parent;
  if (*parent != nullptr) take_out(shards_[node.shard.load(std::memory_order_relaxed)], node);
  node.parent = nullptr;
  node.hidden = false;
  node.seen = {};
  node.locks.reset();
  return true;
}

// What has left the tree; its parent has a child less, and so on.
void Tree::dispose(Node* node, Node* parent) {
  for (;;) {
    count_.fetch_sub(1, std::memory_order_relaxed);
    slab_.free(node);
    if (parent == nullptr) return;
    node = parent;
    bool reaped;
    {
      const Locked guard(*this, *node);
      --node->children;
      reaped = reap(*node, &parent);
    }
    if (!reaped) return;
  }
}

void Tree::opened(Node& node) {
  const Locked guard(*this, node);
  ++node.opens;
}

void Tree::set_hidden(uint64_t index) {
  Node* node = find(index);
  if (node == nullptr) return;
  const Locked guard(*this, *node);
  node->hidden = true;
}

bool Tree::closed(Node& node) {
  bool last_of_hidden = false;
  change(node, [&] {
    if (node.opens > 0) --node.opens;
    last_of_hidden = node.opens == 0 && node.hidden;
    // Kept for the removal, which releases it.
    if (last_of_hidden) ++node.holds;
  });
  return last_of_hidden;
}

bool Tree::is_open(Node& node) {
  const Locked guard(*this, node);
  return node.opens > 0;
}

Node* Tree::walk(std::string_view path) {
  Node* at = root_;
  hold(*at);
  while (!path.empty()) {
    const size_t end = path.find('/');
    const std::string_view name = path.substr(0, end);
    path = end == std::string_view::npos ? std::string_view() : path.substr(end + 1);
    if (name.empty()) continue;
    Node* next = hold_child(*at, name);
    release(*at);
    if (next == nullptr) return nullptr;
    at = next;
  }
  return at;
}

}  // namespace fuse3
