// Records and hash buckets of the node table.
#include <algorithm>
#include <bit>

#include "reconnect/node_table.h"

namespace fuse3::reconnect {
namespace {

constexpr uint32_t kHeadChunk = 16384 / sizeof(uint32_t);
// Splits after one transaction, which may have taken several records.
constexpr int kSplitsAtOnce = 2;
// Buckets are split one after the other: what the next splits look at can be on its way.
constexpr uint32_t kSplitsAhead = 3;
// Likewise, buckets joined after one transaction, when there are this many times more than records.
constexpr int kJoinsAtOnce = 4;
constexpr uint32_t kTooMany = 2;
// Heads behind the last one in use that a predecessor may have left with memory.
constexpr uint32_t kHeadsLeft = 4 * kHeadChunk;

}  // namespace

Result<uint32_t> NodeTable::allocate(Txn& txn, Kind kind) {
  const auto index = space_.take(txn);
  if (!index) return index;
  NodeRecord& r = record(*index);
  txn.set(r.tag, make_tag(tag_reuse(load(r.tag)), static_cast<uint32_t>(kind)));
  return index;
}

void NodeTable::release(Txn& txn, uint32_t index) {
  space_.release(txn, index);
}

void NodeTable::release_texts(Txn& txn, uint32_t first) {
  for (uint32_t n = 0; first != 0; ++n) {
    if (n == kMaxTexts || !is(first, Kind::text)) return txn.fail();
    const uint32_t next = load(record(first).text);
    release(txn, first);
    first = next;
  }
}

uint32_t NodeTable::bucket(uint32_t hash) const {
  return bucket_of(hash, load(heads().buckets));
}

uint32_t NodeTable::bucket_of(uint32_t hash, uint32_t buckets) {
  const uint32_t mask = std::bit_ceil(buckets) - 1;
  const uint32_t b = hash & mask;
  return b < buckets ? b : b & (mask >> 1);
}

uint32_t NodeTable::heads_end() const {
  const uint32_t used = (load(heads().buckets) / kHeadChunk + 1) * kHeadChunk;
  return std::min(used + kHeadsLeft, mapping_.max_buckets());
}

Result<void> NodeTable::ensure_heads(uint32_t bucket) {
  if (bucket < heads_ensured_) return {};
  const uint32_t more = std::min(kHeadChunk, mapping_.max_buckets() - bucket);
  for (uint32_t* array : {mapping_.edge_heads(), mapping_.identity_heads()}) {
    const uint64_t offset = mapping_.offset_of(&array[bucket]);
    if (auto ok = mapping_.ensure(offset, uint64_t{more} * 4); !ok) return ok;
    mapping_.populate(offset, uint64_t{more} * 4);
  }
  heads_ensured_ = bucket + more;
  heads_end_ = std::max(heads_end_, heads_ensured_);
  return {};
}

// Deals out the chain of one bucket between it and a new one. A chain longer than any we made is
// left as it is.
bool NodeTable::split_chain(Txn& txn, uint32_t* heads, uint32_t NodeRecord::*next, uint32_t from,
                            uint32_t to, uint32_t new_buckets) {
  uint32_t* tail[2] = {&heads[from], &heads[to]};
  uint32_t index = load(heads[from]);
  for (uint32_t n = 0; index != 0; ++n) {
    if (n > kMaxChain || !usable(index)) return false;
    NodeRecord& r = record(index);
    const uint32_t hash =
        heads == mapping_.edge_heads() ? load(r.name_hash) : hash_identity(load(r.ino));
    const int side = bucket_of(hash, new_buckets) == to;
    const uint32_t following = load(r.*next);
    if (txn.get(*tail[side]) != index) txn.set(*tail[side], index);
    tail[side] = &(r.*next);
    index = following;
  }
  for (uint32_t* end : tail) {
    if (txn.get(*end) != 0) txn.set(*end, 0);
  }
  return true;
}

void NodeTable::grow_buckets(const Slot& slot) {
  for (int i = 0; i < kSplitsAtOnce; ++i) {
    const uint32_t to = load(heads().buckets);
    if (to >= load(heads().node_high_water) || to >= mapping_.max_buckets()) return;
    // Without memory the chains get longer, that is all.
    if (!ensure_heads(to)) return;
    const uint32_t from = to - std::bit_floor(to);
    Txn txn(state_, slot, Txn::Nested{});
    if (!split_chain(txn, mapping_.edge_heads(), &NodeRecord::edge_next, from, to, to + 1) ||
        !split_chain(txn, mapping_.identity_heads(), &NodeRecord::identity_next, from, to,
                     to + 1)) {
      return report_damage("a hash chain does not end");
    }
    txn.set(heads().buckets, to + 1);
    if (!txn.commit()) return;
    prefetch(mapping_.edge_heads()[from + kSplitsAhead]);
    prefetch(mapping_.identity_heads()[from + kSplitsAhead]);
  }
}

// Hangs the last bucket's chain onto that of the one it was split from. False: that would be too
// long a chain.
bool NodeTable::join_chains(Txn& txn, uint32_t* heads, uint32_t NodeRecord::*next, uint32_t from,
                            uint32_t last) {
  const uint32_t moved = load(heads[last]);
  if (moved == 0) return true;
  uint32_t length = 0;
  for (uint32_t at = moved; at != 0; at = load(record(at).*next)) {
    if (!usable(at) || ++length > kMaxChain) return false;
  }
  uint32_t* link = &heads[from];
  for (uint32_t at = load(*link); at != 0; at = load(*link)) {
    if (!usable(at) || ++length > kMaxChain) return false;
    link = &(record(at).*next);
  }
  txn.set(*link, moved);
  txn.set(heads[last], 0);
  return true;
}

// Follows the table when it has become smaller.
void NodeTable::shrink_buckets(const Slot& slot) {
  const uint32_t records = load(heads().node_high_water);
  for (int i = 0; i < kJoinsAtOnce; ++i) {
    const uint32_t buckets = load(heads().buckets);
    if (buckets / kTooMany < records + kHeadChunk || buckets == cannot_join_) return;
    const uint32_t last = buckets - 1;
    const uint32_t from = last - std::bit_floor(last);
    Txn txn(state_, slot, Txn::Nested{});
    if (!join_chains(txn, mapping_.edge_heads(), &NodeRecord::edge_next, from, last) ||
        !join_chains(txn, mapping_.identity_heads(), &NodeRecord::identity_next, from, last)) {
      cannot_join_ = buckets;
      return;
    }
    txn.set(heads().buckets, last);
    if (!txn.commit()) return;
  }
  punch_heads();
}

// A chunk of heads that is two behind the last one in use.
void NodeTable::punch_heads() {
  const uint32_t first = (heads_end_ - 1) / kHeadChunk * kHeadChunk;
  if (first < load(heads().buckets) + 2 * kHeadChunk) return;
  for (uint32_t* array : {mapping_.edge_heads(), mapping_.identity_heads()}) {
    mapping_.punch(mapping_.offset_of(&array[first]), uint64_t{heads_end_ - first} * 4);
  }
  heads_end_ = first;
  heads_ensured_ = std::min(heads_ensured_, first);
}

// A hint: the record may be anything.
void NodeTable::prefetch(const uint32_t& index) const {
  const uint32_t at = load(index);
  if (usable(at)) __builtin_prefetch(&record(at));
}

void NodeTable::unchain(Txn& txn, uint32_t* heads, uint32_t NodeRecord::*next, uint32_t hash,
                        uint32_t index) {
  // Records made by this transaction are in the chain already.
  const uint32_t end = txn.get(this->heads().node_high_water);
  uint32_t* link = &heads[bucket(hash)];
  for (uint32_t n = 0; n <= kMaxChain + 1; ++n) {
    const uint32_t at = txn.get(*link);
    if (at == index) return txn.set(*link, txn.get(record(index).*next));
    if (at == 0 || at >= end) break;
    link = &(record(at).*next);
  }
  report_damage("a record is not in its hash chain");
  txn.fail();
}

}  // namespace fuse3::reconnect
