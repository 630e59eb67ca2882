// Every invariant of the lock table.
#include <fcntl.h>

#include <mutex>

#include "reconnect/lock_walk.h"

namespace fuse3::reconnect {
namespace {

bool possible(const LockRecord& r) {
  return r.node != 0 && r.start <= r.end && r.type <= F_WRLCK && r.stamp != 0;
}

}  // namespace

Result<void> LockTable::verify(std::string* why) const {
  if (!enabled()) return {};
  const auto broken = [&](const char* what) {
    if (why) *why = what;
    return Error{EUCLEAN};
  };
  const uint32_t high_water = load(heads().high_water);
  std::vector<bool> seen(high_water);
  uint32_t used = 0;
  for (uint32_t i = 0; i < section_.buckets; ++i) {
    uint32_t* head = &mapping_.lock_buckets()[i];
    const LockRecord* before = nullptr;
    LockKey key_before;
    Walk walk(records_, high_water, head);
    for (; walk.valid(); walk.next(), ++used) {
      const LockRecord& r = walk.record();
      if (seen[walk.index()]) return broken("a lock is in two lists");
      seen[walk.index()] = true;
      if (!possible(r) || r.stamp > heads().last_stamp) return broken("a lock is impossible");
      if (&bucket(NodeId{r.node}) != head) return broken("a lock is in the wrong bucket");
      if (before &&
          (walk.key() < key_before || (walk.key() == key_before && r.start <= before->end))) {
        return broken("the locks of a bucket are out of order");
      }
      before = &r;
      key_before = walk.key();
    }
    if (walk.damaged()) return broken("a list of locks leads nowhere");
  }
  if (used != heads().count) return broken("the count of locks is wrong");
  uint32_t free_records = 0;
  Walk walk(records_, high_water, &heads().free);
  for (; walk.valid(); walk.next(), ++free_records) {
    if (seen[walk.index()]) return broken("a free lock is in use");
    seen[walk.index()] = true;
  }
  if (walk.damaged()) return broken("the list of free locks leads nowhere");
  if (used + free_records != high_water - 1) return broken("a free lock is missing");
  return {};
}

}  // namespace fuse3::reconnect
