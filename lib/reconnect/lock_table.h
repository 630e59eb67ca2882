// The locks that the filesystem granted, as its successor has to take them again: POSIX locks by
// owner and range (those of open file descriptions are owners of their own), flock() by owner.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reconnect/journal.h"
#include "reconnect/layout.h"
#include "reconnect/mapping.h"
#include "reconnect/slots.h"
#include "support/ids.h"
#include "support/result.h"
#include "support/spin_mutex.h"

namespace fuse3::reconnect {

struct Lock {
  LockKind kind = LockKind::posix;
  uint32_t type = 0;  // F_RDLCK, F_WRLCK; F_UNLCK when it is set
  uint64_t owner = 0;
  uint64_t start = 0;
  uint64_t end = 0;  // the last byte
  uint32_t pid = 0;
  HandleId handle;
  // The table's own: later grants have larger ones.
  uint64_t stamp = 0;
  bool lost = false;
};

// Everything takes the table lock; chains are as long as there are locks in one bucket.
class LockTable {
 public:
  LockTable(State& state, Mapping& mapping, SpinMutex& lock);
  LockTable(const LockTable&) = delete;
  LockTable& operator=(const LockTable&) = delete;

  // False: the state was made by a library that had no such table. Then nothing is kept.
  bool enabled() const { return section_.max_locks > 0; }
  // Before a lock is asked of the filesystem: that set() will have room. ENOLCK.
  Result<void> reserve();

  // The filesystem granted it, or unlocked the range (F_UNLCK). What the owner had in the range is
  // replaced, whatever its size, in one transaction. EINVAL, ENOMEM, EUCLEAN.
  Result<void> set(const Slot& slot, NodeId node, const Lock& lock, const SlotPublish& publish);
  // The owner has closed the file: it has no POSIX locks there any more.
  Result<void> drop_owner(const Slot& slot, NodeId node, uint64_t owner,
                          const SlotPublish& publish);
  // The handle is closed. Several transactions: a successor does the rest again.
  Result<void> drop_handle(const Slot& slot, NodeId node, HandleId handle);

  std::vector<Lock> of_node(NodeId node) const;
  // All nodes that have locks, each once.
  std::vector<NodeId> nodes() const;
  // The owner still has some of that lock, by that handle.
  bool holds(NodeId node, const Lock& lock) const;
  // It could not be taken again.
  void mark_lost(NodeId node, const Lock& lock);
  bool lost(NodeId node, HandleId handle) const;
  uint32_t count() const { return enabled() ? load(heads().count) : 0; }

  // ---- for State
  Result<void> verify(std::string* why) const;

 private:
  // Neighbours in a chain; `link` is the word that names the first of them, or `after`.
  struct Run {
    uint32_t* link = nullptr;
    uint32_t first = 0;  // 0: none
    uint32_t last = 0;
    uint32_t after = 0;
    uint32_t length = 0;
  };
  struct Walk;
  struct Change;

  LockHeads& heads() const { return mapping_.header().locks; }
  LockRecord& record(uint32_t index) const { return records_[index]; }
  uint32_t& bucket(NodeId node) const;
  Walk owners_place(NodeId node, LockKind kind, uint64_t owner) const;
  bool only_owner(NodeId node, LockKind kind, uint64_t owner) const;
  Change plan(NodeId node, const Lock& lock) const;
  Result<void> ensure(uint32_t free_wanted);
  Result<uint32_t> allocate(Txn& txn);
  Result<void> replace(Txn& txn, const Run& run, const LockRecord* made, uint32_t count);
  void report_damage() const;

  State& state_;
  Mapping& mapping_;
  SpinMutex& lock_;
  const LockSection section_;
  LockRecord* records_;
  uint32_t ensured_ = 0;  // under the lock: how far the file has memory
};

}  // namespace fuse3::reconnect
