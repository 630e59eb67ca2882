#include "highlevel/file_locks.h"

#include <fcntl.h>
#include <unistd.h>

#include <limits>

namespace fuse3 {
namespace {

constexpr off_t kEndOfFile = std::numeric_limits<off_t>::max();

bool overlap(const FileLocks::Lock& a, const FileLocks::Lock& b) {
  return a.start <= b.end && b.start <= a.end;
}

// Without a byte in between; those of one type become one.
bool touch(const FileLocks::Lock& a, const FileLocks::Lock& b) {
  const bool before = a.end != kEndOfFile && a.end + 1 == b.start;
  const bool behind = b.end != kEndOfFile && b.end + 1 == a.start;
  return before || behind || overlap(a, b);
}

}  // namespace

void FileLocks::set(const Lock& lock) {
  Lock made = lock;
  std::vector<Lock> kept;
  for (const Lock& old : locks_) {
    if (old.owner != lock.owner || !touch(old, lock)) {
      kept.push_back(old);
      continue;
    }
    if (old.type == lock.type) {
      made.start = std::min(made.start, old.start);
      made.end = std::max(made.end, old.end);
      continue;
    }
    if (old.start < lock.start) {
      kept.push_back(old);
      kept.back().end = std::min(old.end, lock.start - 1);
    }
    if (old.end > lock.end) {
      kept.push_back(old);
      kept.back().start = std::max(old.start, lock.end + 1);
    }
  }
  if (lock.type != F_UNLCK) kept.push_back(made);
  locks_ = std::move(kept);
}

std::optional<FileLocks::Lock> FileLocks::conflict(const Lock& wanted) const {
  for (const Lock& held : locks_) {
    const bool exclusive = held.type == F_WRLCK || wanted.type == F_WRLCK;
    if (exclusive && held.owner != wanted.owner && overlap(held, wanted)) return held;
  }
  return std::nullopt;
}

FileLocks::Lock FileLocks::from(const struct flock& lock, uint64_t owner) {
  const off_t end = lock.l_len == 0 ? kEndOfFile : lock.l_start + (lock.l_len - 1);
  return {lock.l_start, end, lock.l_type, lock.l_pid, owner};
}

struct flock FileLocks::to(const Lock& lock) {
  struct flock out {};
  out.l_type = lock.type;
  out.l_whence = SEEK_SET;
  out.l_start = lock.start;
  out.l_len = lock.end == kEndOfFile ? 0 : lock.end - lock.start + 1;
  out.l_pid = lock.pid;
  return out;
}

}  // namespace fuse3
