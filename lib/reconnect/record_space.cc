#include "reconnect/record_space.h"

#include <algorithm>
#include <bit>

#include "reconnect/crash_point.h"
#include "reconnect/journal.h"

namespace fuse3::reconnect {
namespace {

// A chunk that is not known yet is looked through when a record has become free, and again after so
// many.
constexpr uint32_t kFreedForALook = 64;
// Chunks at the table's end that are cut off at once.
constexpr uint32_t kLowersAtOnce = 256;

constexpr bool is_free(uint64_t tag) {
  return tag_kind(tag) == 0;
}

}  // namespace

bool RecordSpace::Set::add(uint32_t chunk) {
  if (has(chunk)) return false;
  words_[chunk / 64] |= uint64_t{1} << chunk % 64;
  ++size_;
  return true;
}

bool RecordSpace::Set::remove(uint32_t chunk) {
  if (!has(chunk)) return false;
  words_[chunk / 64] &= ~(uint64_t{1} << chunk % 64);
  --size_;
  return true;
}

uint32_t RecordSpace::Set::lowest(uint32_t from) const {
  if (size_ == 0 || from >= count_) return kNone;
  uint64_t word = words_[from / 64] & ~uint64_t{0} << from % 64;
  for (uint32_t w = from / 64;;) {
    if (word != 0) return w * 64 + static_cast<uint32_t>(std::countr_zero(word));
    if (++w > count_ / 64) return kNone;
    word = words_[w];
  }
}

uint32_t RecordSpace::Set::highest() const {
  if (size_ == 0) return kNone;
  for (uint32_t w = count_ / 64 + 1; w-- > 0;) {
    if (const uint64_t word = words_[w]; word != 0) {
      return w * 64 + 63 - static_cast<uint32_t>(std::countl_zero(word));
    }
  }
  return kNone;
}

RecordSpace::RecordSpace(Mapping& mapping, const Table& table)
    : mapping_(mapping),
      table_(table),
      chunk_(chunk_records(table.max, table.record_size)),
      chunk_shift_(static_cast<uint32_t>(std::countr_zero(chunk_))),
      keep_(chunks(table.max, table.record_size) / kKeep),
      free_((table.max + chunk_) / 64 + 1),
      with_free_(chunks(table.max, table.record_size)),
      empty_(chunks(table.max, table.record_size)),
      holes_(chunks(table.max, table.record_size)),
      to_look_at_((high_water() + chunk_ - 1) / chunk_),
      ensured_(high_water()) {
  // Nothing is free in a table that was only made.
  if (high_water() <= 1) to_look_at_ = 0;
}

uint64_t& RecordSpace::tag(uint32_t index) const {
  return *reinterpret_cast<uint64_t*>(table_.records + uint64_t{index} * table_.record_size);
}

uint32_t RecordSpace::end_of(uint32_t chunk) const {
  return std::min((chunk + 1) * chunk_, high_water());
}

uint64_t RecordSpace::floor_of(uint32_t chunk) const {
  return table_.floors == nullptr ? 0 : load(table_.floors[chunk]);
}

bool RecordSpace::all_free(uint32_t chunk) const {
  const uint32_t first = chunk * chunk_;
  const uint32_t end = end_of(chunk);
  if (chunk == 0 || first >= end) return false;  // record 0 is none
  uint32_t w = first / 64;
  for (; w < end / 64; ++w) {
    if (free_[w] != ~uint64_t{0}) return false;
  }
  return end % 64 == 0 || free_[w] == ~(~uint64_t{0} << end % 64);
}

// What the tags of a chunk say; the largest `reuse` of them.
uint32_t RecordSpace::look_through(uint32_t chunk) {
  const uint32_t first = chunk * chunk_;
  const uint32_t end = end_of(chunk);
  for (uint32_t w = 0; w < chunk_ / 64; ++w) free_[first / 64 + w] = 0;
  with_free_.remove(chunk);
  empty_.remove(chunk);
  if (first >= end) return 0;
  if (floor_of(chunk) != 0) {
    holes_.add(chunk);
    return 0;
  }
  uint32_t largest = 0;
  bool any = false;
  for (uint32_t i = std::max(first, 1u); i < end; ++i) {
    const uint64_t t = load(tag(i));
    largest = std::max(largest, tag_reuse(t));
    if (!is_free(t)) continue;
    free_[i / 64] |= uint64_t{1} << i % 64;
    any = true;
  }
  if (any) {
    with_free_.add(chunk);
    lowest_ = std::min(lowest_, chunk);
  }
  if (all_free(chunk)) empty_.add(chunk);
  return largest;
}

// 0: there is none that is known. The transaction itself may have taken some, and what a tag says
// counts more than what is remembered.
uint32_t RecordSpace::known_free(Txn& txn) {
  for (uint32_t c = with_free_.lowest(lowest_); c != kNone; c = with_free_.lowest(c + 1)) {
    if (c * chunk_ >= high_water()) return 0;
    for (uint32_t w = c * chunk_ / 64; w < (c + 1) * chunk_ / 64; ++w) {
      for (uint64_t bits = free_[w]; bits != 0; bits &= bits - 1) {
        const uint32_t index = w * 64 + static_cast<uint32_t>(std::countr_zero(bits));
        if (!is_free(load(tag(index)))) {
          free_[w] &= ~(uint64_t{1} << index % 64);
        } else if (is_free(txn.get(tag(index)))) {
          return index;
        }
      }
    }
  }
  return 0;
}

Result<void> RecordSpace::begin() {
  ensured_ = 0;
  return ensure(0);
}

Result<uint32_t> RecordSpace::take(Txn& txn) {
  uint32_t index = known_free(txn);
  while (index == 0 && looked_at_ < to_look_at_) {
    (void)look_through(looked_at_++);
    index = known_free(txn);
    // One at a time, but no table is full before it was looked through.
    if (txn.get(*table_.high_water) < table_.max) break;
  }
  if (index == 0 && holes_.size() > 0) {
    if (auto ok = fill_hole(holes_.lowest(0)); !ok) return Error{ENOMEM};
    index = known_free(txn);
  }
  if (index == 0) {
    index = txn.get(*table_.high_water);
    if (index >= table_.max) return Error{ENOMEM};
    // Before its floor is looked at: that may be the first of its page.
    if (!ensure(index)) return Error{ENOMEM};
    // Cut off and given back before.
    if (floor_of(index / chunk_) != 0 && !fill_hole(index / chunk_)) return Error{ENOMEM};
    txn.set(*table_.high_water, index + 1);
  }
  txn.moved(*this, index, true);
  return index;
}

void RecordSpace::release(Txn& txn, uint32_t index) {
  txn.set(tag(index), make_tag(tag_reuse(txn.get(tag(index))) + 1, 0));
  txn.moved(*this, index, false);
}

void RecordSpace::committed(uint32_t index, bool taken) {
  const uint32_t chunk = index / chunk_;
  if (!taken && looked_at_ < to_look_at_ && freed_++ % kFreedForALook == 0) untidy_ = true;
  if (!seen(chunk)) return;
  uint64_t& word = free_[index / 64];
  if (taken) {
    word &= ~(uint64_t{1} << index % 64);
    empty_.remove(chunk);
    if (word != 0 || !with_free_.has(chunk)) return;
    for (uint32_t w = chunk * chunk_ / 64; w < (chunk + 1) * chunk_ / 64; ++w) {
      if (free_[w] != 0) return;
    }
    with_free_.remove(chunk);
    if (chunk == lowest_) ++lowest_;
    return;
  }
  word |= uint64_t{1} << index % 64;
  with_free_.add(chunk);
  lowest_ = std::min(lowest_, chunk);
  const bool last = end_of(chunk) == high_water();
  if ((word == ~uint64_t{0} || last) && all_free(chunk) && empty_.add(chunk)) untidy_ = true;
}

// Without memory for it a record must not be touched: where the file system is full that would be
// SIGBUS.
Result<void> RecordSpace::ensure(uint32_t index) {
  if (index < ensured_) return {};
  const uint32_t end = std::min((index / chunk_ + 1) * chunk_, table_.max);
  const uint64_t offset = mapping_.offset_of(&tag(index));
  const uint64_t length = uint64_t{end - index} * table_.record_size;
  if (table_.floors != nullptr) {
    const uint64_t floor = mapping_.offset_of(&table_.floors[index / chunk_]);
    if (auto ok = mapping_.ensure(floor, sizeof(uint32_t)); !ok) return ok;
  }
  if (auto ok = mapping_.ensure(offset, length); !ok) return ok;
  mapping_.populate(offset, length);
  ensured_ = end;
  return {};
}

// A chunk gets memory again. Its floor is there until each of its records has a tag.
Result<void> RecordSpace::fill_hole(uint32_t chunk) {
  const uint32_t first = chunk * chunk_;
  const uint32_t end = std::min(first + chunk_, table_.max);
  const uint64_t offset = mapping_.offset_of(&tag(first));
  const uint64_t length = uint64_t{end - first} * table_.record_size;
  if (auto ok = mapping_.ensure(offset, length); !ok) return ok;
  mapping_.populate(offset, length);
  const uint32_t floor = load(table_.floors[chunk]);
  for (uint32_t i = std::max(first, 1u); i < end; ++i) {
    if (load(tag(i)) == 0) store(tag(i), make_tag(floor, 0));
  }
  // It is filled once more.
  crash_point(CrashPoint::chunk_filled);
  store(table_.floors[chunk], 0);
  holes_.remove(chunk);
  if (ensured_ >= first) ensured_ = std::max(ensured_, end);
  if (seen(chunk)) (void)look_through(chunk);
  return {};
}

void RecordSpace::give_back(uint32_t chunk) {
  const uint32_t largest = look_through(chunk);
  if (!empty_.remove(chunk)) return;
  const uint32_t first = chunk * chunk_;
  const uint32_t end = std::min(first + chunk_, table_.max);
  for (uint32_t w = 0; w < chunk_ / 64; ++w) free_[first / 64 + w] = 0;
  with_free_.remove(chunk);
  holes_.add(chunk);
  store(table_.floors[chunk], std::max(largest, 1u));
  // It has its tags still.
  crash_point(CrashPoint::chunk_given_up);
  mapping_.punch(mapping_.offset_of(&tag(first)), uint64_t{end - first} * table_.record_size);
  // A hole below the high water mark.
  crash_point(CrashPoint::chunk_punched);
}

// What was given back at the end of the table is no part of it any more.
void RecordSpace::lower(State& state, const Slot& slot) {
  const uint32_t chunks = (high_water() + chunk_ - 1) / chunk_;
  uint32_t left = chunks;
  while (left > 1 && chunks - left < kLowersAtOnce && seen(left - 1) && holes_.has(left - 1))
    --left;
  if (left == chunks) return;
  Txn txn(state, slot, Txn::Nested{});
  txn.set(*table_.high_water, left * chunk_);
  if (!txn.commit()) return;
  for (uint32_t chunk = left; chunk < chunks; ++chunk) holes_.remove(chunk);
  ensured_ = std::min(ensured_, left * chunk_);
  to_look_at_ = std::min(to_look_at_, left);
  looked_at_ = std::min(looked_at_, to_look_at_);
  untidy_ = chunks - left == kLowersAtOnce;
}

void RecordSpace::tidy_now(State& state, const Slot& slot) {
  untidy_ = false;
  if (table_.floors == nullptr) return;
  if (looked_at_ < to_look_at_) (void)look_through(looked_at_++);
  if (empty_.size() > keep_) give_back(empty_.highest());
  lower(state, slot);
  // One at a time.
  if (empty_.size() > keep_) untidy_ = true;
}

const char* RecordSpace::problem() const {
  for (uint32_t i = 1, end = high_water(); i < end; ++i) {
    const uint32_t chunk = i / chunk_;
    if (!present(i)) {
      if (!is_free(load(tag(i)))) return "a record in use is where the table has no memory";
      if (seen(chunk) && !holes_.has(chunk)) return "a part without memory is not known to be one";
      continue;
    }
    if (!seen(chunk)) continue;
    const bool known = (free_[i / 64] >> i % 64 & 1) != 0;
    if (known != is_free(load(tag(i)))) {
      return known ? "a record in use is taken for free" : "a free record is lost";
    }
    if (known && !with_free_.has(chunk)) return "a part with free records is not known to be one";
    if (known && chunk < lowest_) return "free records are where none are looked for";
    if (empty_.has(chunk) != all_free(chunk)) return "it is not known which parts are not used";
  }
  return nullptr;
}

}  // namespace fuse3::reconnect
