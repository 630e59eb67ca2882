// The POSIX locks on one file that the filesystem has granted. They are kept because the filesystem
// sees all lock owners in one process: it cannot ask the system about a conflict between two of
// them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

struct flock;

namespace fuse3 {

struct Node;
class Tree;

class FileLocks {
 public:
  struct Lock {
    off_t start;
    off_t end;  // the last byte
    short type;
    pid_t pid;
    uint64_t owner;
  };

  // As fcntl(2) has it: what the owner had in that range is replaced, or dropped for F_UNLCK.
  void set(const Lock& lock);
  // One of somebody else's that is in the way.
  std::optional<Lock> conflict(const Lock& wanted) const;
  bool empty() const { return locks_.empty(); }

  // Ranges with l_whence SEEK_SET, as the kernel sends them.
  static Lock from(const struct flock& lock, uint64_t owner);
  static struct flock to(const Lock& lock);

 private:
  std::vector<Lock> locks_;
};

// The owner has closed the file: it has no locks there any more.
void forget_locks(Tree& tree, Node& node, uint64_t owner);

}  // namespace fuse3
