// The names that the kernel knows, each a node below its parent. One tree, one process: with
// reconnect on it is filled again by the seam's lookups (doc/highlevel.md).
//
// Nodes hang in hash chains by (parent, name), divided into shards with a lock each. A node's shard
// lock guards its counts and its being found; its place (PlaceLock) guards its parent and name
// against being moved. No shard lock is held while another is taken, except in rename (in order of
// their numbers), and none while the filesystem is called.
#pragma once

#include <array>
#include <climits>
#include <ctime>
#include <mutex>
#include <vector>

#include "fuse_common.h"
#include "highlevel/node_slab.h"
#include "support/result.h"

namespace fuse3 {

class Tree {
 public:
  static constexpr uint32_t kRoot = 1;
  // Of `remember`: how long a node is kept after the kernel has forgotten it, in seconds.
  static constexpr int kForgetAtOnce = 0;
  static constexpr int kForgetNever = -1;

  Tree();
  ~Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  void set_remember(int seconds) { remember_ = seconds; }
  Node& root() { return *root_; }

  // ---- nodes by number and by name
  // Null: no such node (any more).
  Node* find(uint64_t index) const;
  // Counts a lookup of the kernel, of a node that is made if it is not there. ENOMEM, ENOENT (the
  // parent has lost its own name meanwhile).
  Result<Node*> look_up(Node& parent, std::string_view name);
  // Another one, of a node the caller has a hold on or the kernel knows.
  void look_up_again(Node& node);
  void forget(Node& node, uint64_t count);

  // A hold keeps the node from being freed. Null: not there.
  Node* hold_child(const Node& parent, std::string_view name);
  void hold(Node& node);
  void release(Node& node);

  // ---- places; the caller owns those of the nodes it names, where there are any
  // The name leads to nothing any more.
  void detach(Node& node);
  // A node gets another name, and `replaced` loses it; either may be null. ENOMEM: nothing
  // happened. `hidden`: it is the library's own doing.
  Result<void> move(Node* node, Node& parent, std::string_view name, Node* replaced,
                    bool hidden = false);
  Result<void> exchange(Node* one, Node& one_parent, std::string_view one_name, Node* other,
                        Node& other_parent, std::string_view other_name);

  // ---- what is guarded by the node's shard
  template <class Fn>
  auto with(Node& node, Fn fn) {
    const Locked guard(*this, node);
    return fn();
  }
  void opened(Node& node);
  // It is one that was hidden by a process before this one.
  void set_hidden(uint64_t index);
  // True: it was hidden and this was the last one, so that the hidden file is to be removed.
  bool closed(Node& node);
  bool is_open(Node& node);

  // ---- remembering
  // Frees what was forgotten long enough ago. How many seconds until there is more to do.
  int clean(timespec now);

  // The node at an absolute path, with a hold; null: the kernel was not told of it.
  Node* walk(std::string_view path);
  // fn(node) for all that are in use; nothing else happens to the tree meanwhile.
  template <class Fn>
  void for_each(Fn fn) {
    for (uint32_t i = 1; i < slab_.high_water(); ++i) {
      if (Node* node = find(i)) fn(*node);
    }
  }
  uint32_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  static constexpr uint32_t kShards = 64;
  static constexpr uint32_t kFirstBuckets = 16;
  static constexpr uint32_t kLoad = 2;

  struct alignas(64) Shard {
    SpinMutex lock;
    uint32_t nodes = 0;
    std::vector<Node*> buckets;
  };

  // The lock of the shard that guards a node, which may change while it is waited for.
  class Locked {
   public:
    Locked(Tree& tree, Node& node);
    ~Locked() { shard_->lock.unlock(); }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

   private:
    Shard* shard_;
  };

  uint64_t hash_of(const Node& parent, std::string_view name) const;
  static uint32_t shard_of(uint64_t hash) { return static_cast<uint32_t>(hash >> 58); }
  static bool attached(const Node& node) { return node.parent != nullptr; }
  Node*& chain(Shard& shard, uint64_t hash);
  Node* find_in(Shard& shard, uint64_t hash, const Node& parent, std::string_view name);
  void put_in(Shard& shard, Node& node);
  void take_out(Shard& shard, Node& node);
  void grow(Shard& shard);

  Node* make(Node& parent, std::string_view name, uint64_t hash);
  bool unused(const Node& node) const;
  bool reap(Node& node, Node** parent);
  void dispose(Node* node, Node* parent);
  // Runs `fn` in the node's lock and, in the same, takes the node out of the tree if nobody needs
  // it any more.
  template <class Fn>
  void change(Node& node, Fn fn) {
    Node* parent = nullptr;
    bool reaped;
    {
      const Locked guard(*this, node);
      fn();
      reaped = reap(node, &parent);
    }
    if (reaped) dispose(&node, parent);
  }
  void add_child(Node& parent);
  void drop_child(Node& parent);
  bool put_under(Node& node, Node& parent, std::string_view name, bool hidden);
  void remember(Node& node);
  void unlist(Node& node);

  const uint64_t seed_;
  int remember_ = kForgetAtOnce;
  NodeSlab slab_;
  Node* root_;
  std::array<Shard, kShards> shards_;
  std::atomic<uint32_t> count_{0};

  // Forgotten nodes that are remembered for a while, oldest first. Taken inside a shard's lock.
  SpinMutex forgotten_lock_;
  Node* oldest_ = nullptr;
  Node* newest_ = nullptr;
};

}  // namespace fuse3
