#include "reconnect/lock_table.h"

#include <fcntl.h>

#include <algorithm>
#include <mutex>
#include <tuple>

#include "reconnect/lock_walk.h"
#include "reconnect/state.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

constexpr uint32_t kRecordChunk = 65536 / sizeof(LockRecord);
// What one request needs at most: the new lock, and what is left on both sides of it.
constexpr uint32_t kMostPieces = 3;

LockRecord make_record(NodeId node, const Lock& lock, uint64_t stamp) {
  LockRecord r{};
  r.pid = lock.pid;
  r.type = lock.type;
  r.flags = static_cast<uint32_t>(lock.kind);
  r.node = node.value;
  r.handle = lock.handle.value;
  r.owner = lock.owner;
  r.start = lock.start;
  r.end = lock.end;
  r.stamp = stamp;
  return r;
}

Lock lock_in(const LockRecord& r) {
  Lock lock;
  lock.kind = lock_kind(load(r.flags));
  lock.type = load(r.type);
  lock.owner = load(r.owner);
  lock.start = load(r.start);
  lock.end = load(r.end);
  lock.pid = load(r.pid);
  lock.handle = HandleId{load(r.handle)};
  lock.stamp = load(r.stamp);
  lock.lost = (load(r.flags) & kLockLost) != 0;
  return lock;
}

bool overlap(const LockRecord& r, const Lock& lock) {
  return load(r.start) <= lock.end && lock.start <= load(r.end);
}

}  // namespace

LockTable::LockTable(State& state, Mapping& mapping, SpinMutex& lock)
    : state_(state),
      mapping_(mapping),
      lock_(lock),
      section_(mapping.lock_section()),
      records_(enabled() ? mapping.locks() : nullptr),
      ensured_(enabled() ? load(heads().high_water) : 0) {}

uint32_t& LockTable::bucket(NodeId node) const {
  uint64_t hash = (node.value ^ mapping_.hash_seed()) * 0x9e37'79b9'7f4a'7c15;
  hash ^= hash >> 32;
  return mapping_.lock_buckets()[hash % section_.buckets];
}

void LockTable::report_damage() const {
  log_error("fuse: the reconnect state is damaged (a list of locks leads nowhere)\n");
}

// To the owner's first lock, or where it would be.
LockTable::Walk LockTable::owners_place(NodeId node, LockKind kind, uint64_t owner) const {
  Walk walk(records_, load(heads().high_water), &bucket(node));
  const LockKey wanted{node.value, kind, owner};
  while (walk.valid() && walk.key() < wanted) walk.next();
  return walk;
}

bool LockTable::only_owner(NodeId node, LockKind kind, uint64_t owner) const {
  const LockKey wanted{node.value, kind, owner};
  for (Walk walk(records_, load(heads().high_water), &bucket(node)); walk.valid(); walk.next()) {
    if (load(walk.record().node) == node.value && walk.key() != wanted) return false;
  }
  return true;
}

// What is replaced by what.
struct LockTable::Change {
  Run run;
  LockRecord made[kMostPieces];
  uint32_t count = 0;
  bool damaged = false;
};

// Neighbours of one type become one only where nobody else has a lock on the file. Elsewhere each
// part keeps its own stamp: it says which of two locks that exclude each other is the later one.
LockTable::Change LockTable::plan(NodeId node, const Lock& lock) const {
  Change change;
  const bool sole = only_owner(node, lock.kind, lock.owner);
  const LockKey mine{node.value, lock.kind, lock.owner};
  LockRecord made = make_record(node, lock, load(heads().last_stamp) + 1);
  LockRecord left{}, right{};
  Walk walk = owners_place(node, lock.kind, lock.owner);
  Run& run = change.run;
  run.link = walk.link();
  for (; walk.valid() && walk.key() == mine; walk.next()) {
    const LockRecord& r = walk.record();
    const uint64_t start = load(r.start);
    const uint64_t end = load(r.end);
    const bool same = load(r.type) == lock.type && sole && (load(r.flags) & kLockLost) == 0;
    const bool touches_left = same && end < lock.start && end + 1 == lock.start;
    const bool touches_right = same && start > lock.end && lock.end + 1 == start;
    if (end < lock.start && !touches_left) {
      run.link = walk.next_link();
      continue;
    }
    if (start > lock.end && !touches_right) break;
    if (start < lock.start && same) made.start = start;
    if (end > lock.end && same) made.end = end;
    if (start < lock.start && !same) (left = r).end = lock.start - 1;
    if (end > lock.end && !same) (right = r).start = lock.end + 1;
    if (run.first == 0) run.first = walk.index();
    run.last = walk.index();
    ++run.length;
  }
  run.after = walk.valid() ? walk.index() : 0;
  change.damaged = walk.damaged();
  if (left.node != 0) change.made[change.count++] = left;
  if (lock.type != F_UNLCK) change.made[change.count++] = made;
  if (right.node != 0) change.made[change.count++] = right;
  return change;
}

Result<void> LockTable::ensure(uint32_t free_wanted) {
  const auto has_room = [&] { return ensured_ - 1 - load(heads().count) >= free_wanted; };
  while (!has_room()) {
    const uint32_t more = std::min(kRecordChunk, section_.max_locks - ensured_);
    if (more == 0) return Error{ENOLCK};
    const uint64_t offset = mapping_.offset_of(&record(ensured_));
    if (!mapping_.ensure(offset, uint64_t{more} * sizeof(LockRecord))) return Error{ENOLCK};
    mapping_.populate(offset, uint64_t{more} * sizeof(LockRecord));
    ensured_ += more;
  }
  return {};
}

// One request in each slot may need room at the same time.
Result<void> LockTable::reserve() {
  if (!enabled()) return {};
  const std::lock_guard guard(lock_);
  return ensure(kMostPieces * std::max(state_.slots().count(), 1u));
}

Result<uint32_t> LockTable::allocate(Txn& txn) {
  const uint32_t index = txn.get(heads().free);
  const uint32_t high_water = txn.get(heads().high_water);
  if (index != 0) {
    if (index >= load(heads().high_water)) {
      report_damage();
      txn.fail();
      return Error{EUCLEAN};
    }
    txn.set(heads().free, load(record(index).next));
    return index;
  }
  if (high_water >= ensured_) return Error{EUCLEAN};  // set() has seen to it
  txn.set(heads().high_water, high_water + 1);
  return high_water;
}

// The records of `run` become free, and `made` takes their place. What is filled in directly is
// reached by nobody yet; the links are not among that, for a free record's link is in use.
Result<void> LockTable::replace(Txn& txn, const Run& run, const LockRecord* made, uint32_t count) {
  uint32_t* link = run.link;
  for (uint32_t i = 0; i < count; ++i) {
    const auto index = allocate(txn);
    if (!index) return index.as_error();
    LockRecord& r = record(*index);
    store(r.pid, made[i].pid);
    store(r.type, made[i].type);
    store(r.flags, made[i].flags);
    store(r.node, made[i].node);
    store(r.handle, made[i].handle);
    store(r.owner, made[i].owner);
    store(r.start, made[i].start);
    store(r.end, made[i].end);
    store(r.stamp, made[i].stamp);
    txn.set(*link, *index);
    link = &r.next;
  }
  txn.set(*link, run.after);
  if (run.first != 0) {
    txn.set(record(run.last).next, txn.get(heads().free));
    txn.set(heads().free, run.first);
  }
  txn.set(heads().count, load(heads().count) + count - run.length);
  return {};
}

Result<void> LockTable::set(const Slot& slot, NodeId node, const Lock& lock,
                            const SlotPublish& publish) {
  if (!enabled() || node.value == 0 || lock.start > lock.end || lock.type > F_UNLCK) {
    return Error{EINVAL};
  }
  Txn txn(state_, slot);
  const Change change = plan(node, lock);
  if (change.damaged) {
    report_damage();
    return Error{EUCLEAN};
  }
  if (!ensure(change.count)) return Error{ENOMEM};
  if (change.run.first != 0 || change.count > 0) {
    if (auto ok = replace(txn, change.run, change.made, change.count); !ok) return ok;
    txn.set(heads().last_stamp, load(heads().last_stamp) + 1);
  }
  txn.publish(publish);
  return txn.commit();
}

Result<void> LockTable::drop_owner(const Slot& slot, NodeId node, uint64_t owner,
                                   const SlotPublish& publish) {
  Lock all;
  all.type = F_UNLCK;
  all.owner = owner;
  all.end = UINT64_MAX;
  return set(slot, node, all, publish);
}

Result<void> LockTable::drop_handle(const Slot& slot, NodeId node, HandleId handle) {
  if (count() == 0) return {};
  for (;;) {
    Txn txn(state_, slot);
    Walk walk(records_, load(heads().high_water), &bucket(node));
    const auto is_its = [&] {
      return load(walk.record().node) == node.value && load(walk.record().handle) == handle.value;
    };
    while (walk.valid() && !is_its()) walk.next();
    Run run{.link = walk.link()};
    for (; walk.valid() && is_its(); walk.next(), ++run.length) {
      if (run.first == 0) run.first = walk.index();
      run.last = walk.index();
    }
    run.after = walk.valid() ? walk.index() : 0;
    if (walk.damaged()) {
      report_damage();
      return Error{EUCLEAN};
    }
    if (run.first == 0) return {};
    if (auto ok = replace(txn, run, nullptr, 0); !ok) return ok;
    if (auto ok = txn.commit(); !ok) return ok;
  }
}

std::vector<Lock> LockTable::of_node(NodeId node) const {
  std::vector<Lock> locks;
  if (count() == 0) return locks;
  const std::lock_guard guard(lock_);
  for (Walk walk(records_, load(heads().high_water), &bucket(node)); walk.valid(); walk.next()) {
    if (load(walk.record().node) == node.value) locks.push_back(lock_in(walk.record()));
  }
  return locks;
}

std::vector<NodeId> LockTable::nodes() const {
  std::vector<NodeId> all;
  if (count() == 0) return all;
  const std::lock_guard guard(lock_);
  for (uint32_t i = 0; i < section_.buckets; ++i) {
    for (Walk walk(records_, load(heads().high_water), &mapping_.lock_buckets()[i]); walk.valid();
         walk.next()) {
      const NodeId node{load(walk.record().node)};
      if (all.empty() || all.back() != node) all.push_back(node);
    }
  }
  return all;
}

bool LockTable::holds(NodeId node, const Lock& lock) const {
  if (count() == 0) return false;
  const std::lock_guard guard(lock_);
  for (Walk walk = owners_place(node, lock.kind, lock.owner);
       walk.valid() && walk.key() == LockKey{node.value, lock.kind, lock.owner}; walk.next()) {
    if (load(walk.record().handle) == lock.handle.value && overlap(walk.record(), lock)) {
      return true;
    }
  }
  return false;
}

void LockTable::mark_lost(NodeId node, const Lock& lock) {
  if (count() == 0) return;
  const std::lock_guard guard(lock_);
  for (Walk walk = owners_place(node, lock.kind, lock.owner);
       walk.valid() && walk.key() == LockKey{node.value, lock.kind, lock.owner}; walk.next()) {
    LockRecord& r = walk.record();
    if (overlap(r, lock)) store(r.flags, load(r.flags) | kLockLost);
  }
}

bool LockTable::lost(NodeId node, HandleId handle) const {
  const std::vector<Lock> locks = of_node(node);
  return std::any_of(locks.begin(), locks.end(),
                     [&](const Lock& lock) { return lock.lost && lock.handle == handle; });
}

}  // namespace fuse3::reconnect
