#include "reconnect/stream_table.h"

#include <algorithm>
#include <mutex>

#include "reconnect/state.h"
#include "support/hash.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

// Entries of one transaction: their records' links must have room in its journal.
constexpr uint32_t kRecordsAtOnce = 32;
constexpr size_t kEntriesAtOnce = size_t{kRecordsAtOnce} * kStreamEntries;
// How far behind the last place a reader is looked for under the lock: about a reply.
constexpr uint32_t kNear = 64;
// Records that are kept for the next streams, and how many of more are freed after a transaction.
constexpr uint32_t kMostSpare = 1024;
constexpr uint32_t kFreedAtOnce = 8;
// Streams take no new record beyond this part of the table; the rest is left to nodes.
constexpr uint32_t kShare = 2;

constexpr uint64_t make_stream(uint32_t first, uint32_t count) {
  return uint64_t{first} << 32 | count;
}
constexpr uint32_t first_of(uint64_t stream) {
  return static_cast<uint32_t>(stream >> 32);
}
constexpr uint32_t count_of(uint64_t stream) {
  return static_cast<uint32_t>(stream);
}

// One to one.
constexpr uint64_t scramble(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
  x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
  return x ^ (x >> 31);
}

}  // namespace

StreamTable::StreamTable(State& state, Mapping& mapping, SpinMutex& lock)
    : state_(state),
      mapping_(mapping),
      lock_(lock),
      cursors_(mapping.sections().max_handles),
      spare_(mapping.sections().max_nodes) {}

uint64_t StreamTable::hash(std::string_view name) const {
  return hash_bytes(~mapping_.hash_seed(), name);
}

StreamRecord& StreamTable::record(uint32_t index) const {
  return *reinterpret_cast<StreamRecord*>(&mapping_.nodes()[index]);
}

bool StreamTable::is_stream(uint32_t index) const {
  return index != 0 && index < load(mapping_.header().heads.node_high_water) &&
         tag_kind(load(record(index).tag)) == static_cast<uint32_t>(Kind::stream);
}

void StreamTable::begin(uint32_t handle, Opened opened) {
  cursor(handle) = Cursor{{}, {}, opened};
}

StreamTable::Opened StreamTable::opened(uint32_t handle) const {
  const std::lock_guard guard(lock_);
  return cursor(handle).opened;
}

void StreamTable::start_anew(uint32_t handle) {
  const std::lock_guard guard(lock_);
  uint64_t& stream = this->handle(handle).stream;
  store(stream, make_stream(first_of(load(stream)), 0));
  cursor(handle) = {};
}

// Large, so that it is none that a filesystem counts, and not negative.
uint64_t StreamTable::new_offset() {
  const std::lock_guard guard(lock_);
  const uint64_t serial = state_.generation().value << 40 | ++offsets_made_;
  return scramble(mapping_.hash_seed() + serial) >> 2 | uint64_t{1} << 62;
}

std::optional<uint32_t> StreamTable::search(uint32_t handle, uint64_t offset, Place from,
                                            uint32_t records, Place* found) const {
  const uint32_t count = count_of(load(this->handle(handle).stream));
  for (uint32_t n = 0; n < records && is_stream(from.record); ++n) {
    const StreamRecord& r = record(from.record);
    const uint64_t before = uint64_t{from.ordinal} * kStreamEntries;
    for (uint32_t k = 0; k < kStreamEntries && before + k < count; ++k) {
      if (load(r.entries[k].offset) != offset) continue;
      *found = from;
      return static_cast<uint32_t>(before + k + 1);
    }
    if (before + kStreamEntries >= count) break;
    from = {from.ordinal + 1, load(r.text)};
  }
  return std::nullopt;
}

// Most readers go on where they were told to, or a little before that, when not everything fitted
// into the reader's own buffer.
std::optional<uint32_t> StreamTable::position(uint32_t handle, uint64_t offset) {
  uint32_t first = 0;
  Place found;
  {
    const std::lock_guard guard(lock_);
    Cursor& cursor = this->cursor(handle);
    if (offset == 0) {
      cursor.last_read = {};
      return 0;
    }
    const uint64_t stream = load(this->handle(handle).stream);
    first = first_of(stream);
    if (cursor.end.record != 0) {
      if (const auto at = search(handle, offset, cursor.end, 1, &found)) {
        cursor.last_read = found;
        return at;
      }
    }
    const Place from = cursor.last_read.record != 0 ? cursor.last_read : Place{0, first};
    if (const auto at = search(handle, offset, from, kNear, &found)) {
      cursor.last_read = found;
      return at;
    }
  }
  const uint32_t most = load(mapping_.header().heads.node_high_water);
  const auto at = search(handle, offset, {0, first}, most, &found);
  if (!at) return std::nullopt;
  const std::lock_guard guard(lock_);
  cursor(handle).last_read = found;
  return at;
}

std::vector<StreamEntry> StreamTable::entries(uint32_t handle, uint32_t from, uint32_t most) const {
  const uint64_t stream = load(this->handle(handle).stream);
  const uint64_t end = std::min<uint64_t>(count_of(stream), uint64_t{from} + most);
  std::vector<StreamEntry> result;
  uint64_t at = 0;
  for (uint32_t i = first_of(stream); at < end && is_stream(i); i = load(record(i).text)) {
    for (uint32_t k = 0; k < kStreamEntries && at < end; ++k, ++at) {
      const StreamEntry& entry = record(i).entries[k];
      if (at >= from) result.push_back({load(entry.offset), load(entry.name)});
    }
  }
  return result;
}

// Under the lock. Record 0 if the chain has none with that ordinal.
StreamTable::Place StreamTable::place_of(uint32_t handle, uint32_t ordinal) {
  const Cursor& cursor = this->cursor(handle);
  Place at{0, first_of(load(this->handle(handle).stream))};
  for (const Place& known : {cursor.last_read, cursor.end}) {
    if (known.record != 0 && known.ordinal <= ordinal && known.ordinal >= at.ordinal) at = known;
  }
  for (; at.ordinal < ordinal && is_stream(at.record); ++at.ordinal) {
    at.record = load(record(at.record).text);
  }
  return is_stream(at.record) ? at : Place{ordinal, 0};
}

// Skips those of `entries` that the stream has already; true if that is all.
bool StreamTable::keeps(Place* place, uint32_t* position, uint32_t count,
                        std::span<const StreamEntry>* entries) const {
  while (!entries->empty() && *position < count && is_stream(place->record)) {
    const StreamRecord& r = record(place->record);
    const StreamEntry& mine = r.entries[*position % kStreamEntries];
    const StreamEntry& other = entries->front();
    if (mine.offset != other.offset || mine.name != other.name) return false;
    *entries = entries->subspan(1);
    if (++*position % kStreamEntries == 0) *place = {place->ordinal + 1, load(r.text)};
  }
  return entries->empty();
}

std::optional<uint32_t> StreamTable::put(const Slot& slot, HandleId id, uint32_t position,
                                         std::span<const StreamEntry> entries) {
  while (!entries.empty()) {
    auto part = entries.first(std::min(entries.size(), kEntriesAtOnce));
    entries = entries.subspan(part.size());
    Txn txn(state_, slot);
    const auto ref = state_.handles().find(id);
    if (!ref) return std::nullopt;
    uint64_t& stream = handle(ref->index).stream;
    const uint32_t count = count_of(load(stream));
    if (position > count) return std::nullopt;
    if (position < count) {
      Place place = place_of(ref->index, position / kStreamEntries);
      if (keeps(&place, &position, count, &part)) continue;
      // Before anything is written over.
      if (position < count) store(stream, make_stream(first_of(load(stream)), position));
    }
    Cursor& cursor = this->cursor(ref->index);
    if (!append(txn, ref->index, position, part, cursor)) return std::nullopt;
    position += static_cast<uint32_t>(part.size());
  }
  return position;
}

bool StreamTable::append(Txn& txn, uint32_t handle, uint32_t position,
                         std::span<const StreamEntry> entries, Cursor& cursor) {
  uint64_t& stream = this->handle(handle).stream;
  uint32_t first = first_of(load(stream));
  Place last{};
  uint32_t next = first;
  uint32_t ordinal = position / kStreamEntries;
  if (ordinal > 0) {
    last = place_of(handle, ordinal - 1);
    if (last.record == 0) return false;
    next = load(record(last.record).text);
  }
  uint32_t k = position % kStreamEntries;
  for (size_t i = 0; i < entries.size(); ++ordinal, k = 0) {
    if (next == 0) {
      if (k != 0) return false;
      const size_t wanted = (entries.size() - i + kStreamEntries - 1) / kStreamEntries;
      const auto chain = take(txn, static_cast<uint32_t>(wanted));
      if (!chain) return false;
      if (last.record != 0) {
        txn.set(record(last.record).text, chain->first);
      } else {
        first = chain->first;
      }
      next = chain->first;
    }
    if (next >= txn.get(mapping_.header().heads.node_high_water)) return false;
    StreamRecord& r = record(next);
    if (tag_kind(txn.get(r.tag)) != static_cast<uint32_t>(Kind::stream)) return false;
    for (; k < kStreamEntries && i < entries.size(); ++k, ++i) {
      store(r.entries[k].offset, entries[i].offset);
      store(r.entries[k].name, entries[i].name);
    }
    last = {ordinal, next};
    next = txn.get(r.text);
  }
  txn.set(stream, make_stream(first, position + static_cast<uint32_t>(entries.size())));
  if (!txn.commit()) return false;
  cursor.end = last;
  return true;
}

// A chain of at least one record, and `most` at most.
Result<StreamTable::Chain> StreamTable::take(Txn& txn, uint32_t most) {
  const uint32_t head = txn.get(free_head());
  if (head == 0) return make(txn, most);
  if (!is_stream(head)) {
    log_error("fuse: the reconnect state is damaged (a free record of a stream is none)\n");
    txn.set(free_head(), 0);
    return make(txn, most);
  }
  uint32_t last = head;
  uint32_t rest = txn.get(record(last).text);
  uint32_t taken = 1;
  for (; taken < most && is_stream(rest); ++taken) {
    last = rest;
    rest = txn.get(record(last).text);
  }
  spare_ -= std::min(spare_, taken);
  const uint32_t following = txn.get(record(head).free_next);
  if (rest != 0) txn.set(record(last).text, 0);
  if (is_stream(rest)) {
    txn.set(record(rest).free_next, following);
    txn.set(free_head(), rest);
  } else {
    txn.set(free_head(), following);
  }
  return Chain{head, last};
}

// Filled in directly, since nothing names them yet; back to front, so that each knows the next.
Result<StreamTable::Chain> StreamTable::make(Txn& txn, uint32_t count) {
  Chain chain;
  for (uint32_t n = 0; n < count; ++n) {
    const auto made = state_.nodes().allocate(txn, Kind::stream);
    if (!made || *made > mapping_.sections().max_nodes / kShare) return Error{ENOMEM};
    StreamRecord& r = record(*made);
    store(r.free_next, 0);
    store(r.text, chain.first);
    chain.first = *made;
    if (chain.last == 0) chain.last = *made;
  }
  return chain;
}

void StreamTable::free_in(Txn& txn, uint32_t handle) {
  HandleRecord& h = this->handle(handle);
  const uint64_t stream = load(h.stream);
  const uint32_t first = first_of(stream);
  if (tag_kind(load(h.tag)) != static_cast<uint32_t>(HandleKind::directory)) return;
  if (!is_stream(first)) return;
  txn.set(record(first).free_next, txn.get(free_head()));
  txn.set(free_head(), first);
  spare_ += count_of(stream) / kStreamEntries + 1;
  cursor(handle) = {};
}

// Some of those that are left over become records of any kind, when there are more than listings
// that follow are likely to want.
void StreamTable::tidy(const Slot& slot) {
  const uint32_t head = load(free_head());
  if (head == 0) spare_ = 0;
  if (spare_ <= kMostSpare || !is_stream(head)) return;
  Txn txn(state_, slot, Txn::Nested{});
  const uint32_t following = load(record(head).free_next);
  uint32_t at = head;
  uint32_t n = 0;
  for (; n < kFreedAtOnce && is_stream(at); ++n) {
    const uint32_t next = load(record(at).text);
    state_.nodes().release(txn, at);
    at = next;
  }
  if (is_stream(at)) {
    txn.set(record(at).free_next, following);
    txn.set(free_head(), at);
  } else {
    txn.set(free_head(), following);
  }
  if (txn.commit()) spare_ -= std::min(spare_, n);
}

}  // namespace fuse3::reconnect
