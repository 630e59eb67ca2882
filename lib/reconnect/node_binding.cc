// What the filesystem of this incarnation calls a node. Nothing here has a journal: a successor's
// filesystem calls it something else.
#include <sys/stat.h>

#include <bit>
#include <mutex>
#include <utility>

#include "reconnect/node_table.h"

namespace fuse3::reconnect {
namespace {

// Only this process writes these chains, but into memory that another could spoil.
constexpr uint32_t kLongest = 1u << 16;
// Heads whose memory goes back at once: whole pages.
constexpr uint32_t kInoChunk = 4096;

uint32_t hash_ino(uint64_t fs_ino) {
  return static_cast<uint32_t>((fs_ino * 0x9e37'79b9'7f4a'7c15) >> 32);
}

}  // namespace

uint32_t& NodeTable::ino_head(uint64_t fs_ino) const {
  return ino_heads_[bucket_of(hash_ino(fs_ino), ino_buckets_)];
}

uint32_t NodeTable::bound_node(uint64_t fs_ino) const {
  uint32_t at = ino_head(fs_ino);
  for (uint32_t n = 0; at != 0 && n < kLongest; ++n) {
    if (!is(at, Kind::node)) break;
    if (record(at).fs_ino == fs_ino && bound(at)) return at;
    at = record(at).ino_next;
  }
  return 0;
}

void NodeTable::attach(uint32_t index, uint64_t fs_ino, uint64_t fs_count) {
  NodeRecord& r = record(index);
  uint32_t& head = ino_head(fs_ino);
  store(r.fs_ino, fs_ino);
  store(r.fs_count, fs_count);
  r.ino_next = head;
  head = index;
  store(r.bound_generation, generation_.load(std::memory_order_relaxed));
  ++bound_count_;
  grow_ino_buckets();
}

FsForget NodeTable::detach(uint32_t index) {
  NodeRecord& r = record(index);
  const FsForget left{r.fs_ino, r.fs_count};
  store(r.bound_generation, 0);
  if (bound_count_ > 0) --bound_count_;
  uint32_t* link = &ino_head(r.fs_ino);
  for (uint32_t n = 0; *link != 0 && usable(*link) && n < kLongest; ++n) {
    if (*link == index) {
      *link = r.ino_next;
      shrink_ino_buckets();
      return left;
    }
    link = &record(*link).ino_next;
  }
  report_damage("a node is not in the chain of its inode");
  return left;
}

void NodeTable::grow_ino_buckets() {
  if (bound_count_ <= ino_buckets_ || ino_buckets_ >= mapping_.max_buckets()) return;
  const uint32_t from = ino_buckets_ - std::bit_floor(ino_buckets_);
  uint32_t at = ino_heads_[from];
  uint32_t chains[2] = {0, 0};
  for (uint32_t n = 0; at != 0 && usable(at) && n < kLongest; ++n) {
    NodeRecord& r = record(at);
    const uint32_t next = r.ino_next;
    const int side = bucket_of(hash_ino(r.fs_ino), ino_buckets_ + 1) != from;
    r.ino_next = chains[side];
    chains[side] = at;
    at = next;
  }
  ino_heads_[from] = chains[0];
  ino_heads_[ino_buckets_] = chains[1];
  ++ino_buckets_;
  prefetch(ino_heads_[from + 2]);
}

void NodeTable::shrink_ino_buckets() {
  if (ino_buckets_ / 2 < bound_count_ + kInoChunk) return;
  const uint32_t last = --ino_buckets_;
  uint32_t* link = &ino_heads_[last - std::bit_floor(last)];
  for (uint32_t n = 0; *link != 0 && usable(*link) && n < kLongest; ++n) {
    link = &record(*link).ino_next;
  }
  *link = std::exchange(ino_heads_[last], 0);
  if (last % kInoChunk == 0) ino_heads_.clear(last, kInoChunk);
}

void NodeTable::apply(const Txn::Binding& binding) {
  uint64_t more = 1;
  if (binding.take_from != 0 && bound(binding.take_from)) more += detach(binding.take_from).count;
  if (bound(binding.index)) {
    store(record(binding.index).fs_count, record(binding.index).fs_count + more);
  } else {
    attach(binding.index, binding.fs_ino, more);
  }
}

void NodeTable::after_commit(const Slot& slot, const Txn::Binding& binding) {
  if (binding.index != 0) apply(binding);
  finish_cascade(slot);
  grow_buckets(slot);
  shrink_buckets(slot);
}

Bind NodeTable::bind(uint32_t index, uint64_t fs_ino) {
  const std::lock_guard guard(lock_);
  if (!is(index, Kind::node)) return Bind::gone;
  NodeRecord& r = record(index);
  if (!bound(index)) {
    attach(index, fs_ino, 1);
    return Bind::bound;
  }
  if (r.fs_ino != fs_ino) return Bind::another;
  store(r.fs_count, r.fs_count + 1);
  return Bind::again;
}

// Where it is not known, because a chain was not let grow, it counts as one.
bool NodeTable::belongs_to_another(uint32_t index, const Identity& identity) const {
  uint32_t at = load(mapping_.identity_heads()[bucket(hash_identity(identity.ino))]);
  for (uint32_t n = 0; at != 0; at = load(record(at).identity_next)) {
    if (++n >= kMaxChain || !is(at, Kind::node)) return true;
    if (at != index && identity_of(at).matches(identity)) return true;
  }
  return false;
}

// Filesystems that merge directories (fuse-overlayfs) number them anew in every incarnation. The
// name is all that is left to go by then, and is worth as much as a number if no other directory is
// known by the number and nothing is in the middle of moving it.
bool NodeTable::renumbered(uint32_t index, uint32_t parent, std::string_view name,
                           const Identity& identity) const {
  return could_be_renumbered(index, identity) && rename_unsettled_ &&
         !rename_unsettled_(id(parent), name);
}

bool NodeTable::could_be_renumbered(uint32_t index, const Identity& identity) const {
  const Identity before = identity_of(index);
  if (before.type != S_IFDIR || identity.type != S_IFDIR) return false;
  if (before.ino == 0 || identity.ino == 0 || index == kRootIndex) return false;
  return !belongs_to_another(index, identity);
}

bool NodeTable::may_be_renumbered(uint32_t index, const Identity& identity) const {
  const std::lock_guard guard(lock_);
  return is(index, Kind::node) && !bound(index) && could_be_renumbered(index, identity);
}

std::optional<Bind> NodeTable::bind_renumbered(const Slot& slot, uint32_t index, const Edge& edge,
                                               uint64_t fs_ino, const Identity& identity) {
  {
    Txn txn(state_, slot);
    if (!is(index, Kind::node)) return Bind::gone;
    if (!bound(index)) {
      const uint32_t carrier = place_of(edge.parent, edge.name).carrier;
      if (carrier == 0 || owner_of(carrier) != index) return std::nullopt;
      if (!renumbered(index, edge.parent, edge.name, identity)) return std::nullopt;
      update_identity(txn, index, identity);
      txn.bind_after_commit({.index = index, .fs_ino = fs_ino});
      if (!txn.commit()) return std::nullopt;
      return Bind::bound;
    }
  }
  return bind(index, fs_ino);
}

FsForget NodeTable::unbind(uint32_t index) {
  const std::lock_guard guard(lock_);
  if (index == kRootIndex || !is(index, Kind::node) || !bound(index)) return {};
  return detach(index);
}

void NodeTable::fs_count_add(uint32_t index, int64_t n) {
  const std::lock_guard guard(lock_);
  if (!is(index, Kind::node) || !bound(index)) return;
  store(record(index).fs_count, record(index).fs_count + static_cast<uint64_t>(n));
}

uint64_t NodeTable::fs_count(uint32_t index) const {
  const std::lock_guard guard(lock_);
  return is(index, Kind::node) && bound(index) ? load(record(index).fs_count) : 0;
}

std::optional<NodeId> NodeTable::node_id_of_fs_ino(uint64_t fs_ino) const {
  const std::lock_guard guard(lock_);
  const uint32_t index = bound_node(fs_ino);
  if (index == 0) return std::nullopt;
  return id(index);
}

}  // namespace fuse3::reconnect
