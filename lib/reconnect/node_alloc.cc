// Records and hash buckets of the node table.
#include <algorithm>
#include <bit>

#include "reconnect/node_table.h"

namespace fuse3::reconnect {
namespace {

constexpr uint32_t kRecordChunk = 65536 / sizeof(NodeRecord);
constexpr uint32_t kHeadChunk = 16384 / sizeof(uint32_t);
// Splits after one transaction, which may have taken several records.
constexpr int kSplitsAtOnce = 2;
// Buckets are split one after the other: what the next splits look at can be on its way.
constexpr uint32_t kSplitsAhead = 3;

}  // namespace

Result<void> NodeTable::ensure_records(uint32_t index) {
  if (index < nodes_ensured_) return {};
  const uint64_t offset = mapping_.offset_of(&record(index));
  const uint32_t more = std::min(kRecordChunk, mapping_.sections().max_nodes - index);
  if (auto ok = mapping_.ensure(offset, uint64_t{more} * sizeof(NodeRecord)); !ok) return ok;
  mapping_.populate(offset, uint64_t{more} * sizeof(NodeRecord));
  nodes_ensured_ = index + more;
  return {};
}

Result<uint32_t> NodeTable::allocate(Txn& txn, Kind kind) {
  uint32_t index = txn.get(heads().node_free);
  if (index != 0) {
    if (usable(index) && tag_kind(txn.get(record(index).tag)) == 0) {
      NodeRecord& r = record(index);
      txn.set(heads().node_free, txn.get(r.free_next));
      txn.set(r.tag, make_tag(tag_reuse(load(r.tag)), static_cast<uint32_t>(kind)));
      return index;
    }
    report_damage("the list of free records names one in use");
    txn.set(heads().node_free, 0);
  }
  index = txn.get(heads().node_high_water);
  if (index >= mapping_.sections().max_nodes) return Error{ENOMEM};
  if (!ensure_records(index)) return Error{ENOMEM};
  txn.set(heads().node_high_water, index + 1);
  NodeRecord& r = record(index);
  txn.set(r.tag, make_tag(tag_reuse(load(r.tag)), static_cast<uint32_t>(kind)));
  return index;
}

void NodeTable::release(Txn& txn, uint32_t index) {
  NodeRecord& r = record(index);
  txn.set(r.tag, make_tag(tag_reuse(txn.get(r.tag)) + 1, static_cast<uint32_t>(Kind::free)));
  txn.set(r.free_next, txn.get(heads().node_free));
  txn.set(heads().node_free, index);
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

Result<void> NodeTable::ensure_heads(uint32_t bucket) {
  if (bucket < heads_ensured_) return {};
  const uint32_t more = std::min(kHeadChunk, mapping_.max_buckets() - bucket);
  for (uint32_t* array : {mapping_.edge_heads(), mapping_.identity_heads()}) {
    const uint64_t offset = mapping_.offset_of(&array[bucket]);
    if (auto ok = mapping_.ensure(offset, uint64_t{more} * 4); !ok) return ok;
    mapping_.populate(offset, uint64_t{more} * 4);
  }
  heads_ensured_ = bucket + more;
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
