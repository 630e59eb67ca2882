#include "reconnect/lock_conflicts.h"

#include <fcntl.h>

#include <algorithm>
#include <unordered_map>

namespace fuse3::reconnect {
namespace {

bool exclude_each_other(const Lock& a, const Lock& b) {
  return a.kind == b.kind && a.owner != b.owner && (a.type == F_WRLCK || b.type == F_WRLCK) &&
         a.start <= b.end && b.start <= a.end;
}

// By lock, the later ones that it cannot exist beside. Sorted by their starts, only those that
// have not ended are looked at: exclusive ones hardly ever overlap with anything.
class Conflicts {
 public:
  explicit Conflicts(const std::vector<Lock>& locks) : locks_(locks) {
    for (size_t i = 0; i < locks.size(); ++i) {
      compare(i, &exclusive_);
      if (locks[i].type == F_WRLCK) compare(i, &shared_);
      (locks[i].type == F_WRLCK ? exclusive_ : shared_).push_back(i);
    }
  }
  const std::unordered_map<size_t, std::vector<size_t>>& later() const { return later_; }

 private:
  void compare(size_t i, std::vector<size_t>* open) {
    std::erase_if(*open, [&](size_t k) { return locks_[k].end < locks_[i].start; });
    for (const size_t k : *open) {
      if (!exclude_each_other(locks_[i], locks_[k])) continue;
      const bool first = locks_[i].stamp < locks_[k].stamp;
      later_[first ? i : k].push_back(first ? k : i);
    }
  }

  const std::vector<Lock>& locks_;
  std::vector<size_t> exclusive_, shared_;
  std::unordered_map<size_t, std::vector<size_t>> later_;
};

// What is left of `lock` beside `later`.
void cut(const Lock& lock, const Lock& later, std::vector<Lock>* left) {
  if (!exclude_each_other(lock, later)) return left->push_back(lock);
  if (lock.start < later.start) {
    left->push_back(lock);
    left->back().end = later.start - 1;
  }
  if (later.type == F_RDLCK) {
    left->push_back(lock);
    left->back().start = std::max(lock.start, later.start);
    left->back().end = std::min(lock.end, later.end);
    left->back().type = F_RDLCK;
  }
  if (lock.end > later.end) {
    left->push_back(lock);
    left->back().start = later.end + 1;
  }
}

}  // namespace

std::vector<Lock> without_superseded(std::vector<Lock> locks) {
  std::sort(locks.begin(), locks.end(),
            [](const Lock& a, const Lock& b) { return a.start < b.start; });
  const Conflicts conflicts(locks);
  std::vector<Lock> held;
  for (size_t i = 0; i < locks.size(); ++i) {
    const auto found = conflicts.later().find(i);
    if (found == conflicts.later().end()) {
      held.push_back(locks[i]);
      continue;
    }
    std::vector<Lock> pieces{locks[i]};
    for (const size_t k : found->second) {
      std::vector<Lock> left;
      for (const Lock& piece : pieces) cut(piece, locks[k], &left);
      pieces = std::move(left);
    }
    held.insert(held.end(), pieces.begin(), pieces.end());
  }
  return held;
}

}  // namespace fuse3::reconnect
