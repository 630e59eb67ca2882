// Going along a chain of the lock table, which may be damaged.
#pragma once

#include <tuple>

#include "reconnect/lock_table.h"

namespace fuse3::reconnect {

constexpr LockKind lock_kind(uint32_t flags) {
  return static_cast<LockKind>(flags & 1);
}

// What a chain is sorted by first; within one key by the range.
using LockKey = std::tuple<uint64_t, LockKind, uint64_t>;

struct LockTable::Walk {
  Walk(LockRecord* records, uint32_t high_water, uint32_t* link)
      : records_(records), high_water_(high_water), link_(link), left_(high_water) {}

  bool valid() const { return index() != 0 && !damaged(); }
  // More records than there are, or one that is not there.
  bool damaged() const { return index() != 0 && (index() >= high_water_ || left_ == 0); }
  uint32_t index() const { return load(*link_); }
  uint32_t* link() const { return link_; }
  uint32_t* next_link() const { return &record().next; }
  LockRecord& record() const { return records_[index()]; }
  LockKey key() const {
    return {load(record().node), lock_kind(load(record().flags)), load(record().owner)};
  }
  void next() {
    link_ = &record().next;
    --left_;
  }

 private:
  LockRecord* records_;
  uint32_t high_water_;
  uint32_t* link_;
  uint32_t left_;
};

}  // namespace fuse3::reconnect
