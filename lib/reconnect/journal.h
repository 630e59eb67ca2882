// Transactions: several words of the mapping change together, or not at all, whatever the process
// dies of and wherever.
#pragma once

#include <cstdint>

#include "reconnect/layout.h"
#include "reconnect/mapping.h"
#include "reconnect/slots.h"
#include "support/result.h"
#include "support/spin_mutex.h"

namespace fuse3::reconnect {

class NodeTable;
class RecordSpace;
class State;

// Owns the table lock from construction to destruction. Destroyed without commit(): nothing
// happened. Allocate before freeing: a record allocated here is filled in directly.
class Txn {
 public:
  Txn(State& state, const Slot& slot);
  Txn(const Txn&) = delete;
  Txn& operator=(const Txn&) = delete;
  ~Txn();

  // A word as it will be after commit().
  uint32_t get(const uint32_t& word) const {
    return static_cast<uint32_t>(look(&word, load(word)));
  }
  uint64_t get(const uint64_t& word) const { return look(&word, load(word)); }
  void set(uint32_t& word, uint32_t value) { put(offset(&word) | 1, value); }
  void set(uint64_t& word, uint64_t value) { put(offset(&word), value); }
  // Adds the slot's words.
  void publish(const SlotPublish& publish);
  Slot& slot() { return slot_; }

  // For RecordSpace: to be told once this is committed.
  void moved(RecordSpace& space, uint32_t index, bool taken);

  // The table is damaged: commit() will refuse.
  void fail() { failed_ = true; }
  bool failed() const { return failed_; }

  // Then finishes what follows from it (freeing, growth, bindings) in transactions of their own.
  // EUCLEAN: the table is damaged, nothing happened.
  Result<void> commit();

  // For the tables: what to do to bindings, which have no journal, once committed.
  struct Binding {
    uint32_t index = 0;  // 0: nothing
    uint64_t fs_ino = 0;
    uint32_t take_from = 0;  // a node whose binding this one replaces
  };
  void bind_after_commit(const Binding& binding) { binding_ = binding; }

 private:
  friend class NodeTable;
  friend class RecordSpace;
  friend class StreamTable;
  // Further transactions of one operation, under the lock that `outer` holds.
  struct Nested {};
  Txn(State& state, const Slot& slot, Nested);

  uint64_t offset(const void* word) const { return mapping_.offset_of(word); }
  uint64_t look(const void* word, uint64_t otherwise) const;
  void put(uint64_t offset_and_width, uint64_t value);
  void apply();

  // More than any transaction moves.
  static constexpr uint32_t kMostMoves = 64;
  struct Move {
    RecordSpace* space;
    uint32_t index;
    bool taken;
  };

  State& state_;
  Mapping& mapping_;
  Slot slot_;
  bool owns_lock_;
  bool failed_ = false;
  uint32_t count_ = 0;
  uint32_t move_count_ = 0;
  Move moves_[kMostMoves];
  Binding binding_;
};

// Completes what a predecessor had published, and the freeing it was in. How many journals there
// were. EUCLEAN, after a log line: a journal or a list names what is not there.
Result<size_t> redo_all(State& state);

}  // namespace fuse3::reconnect
