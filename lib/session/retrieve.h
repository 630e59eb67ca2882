// Retrievals under way: fuse_lowlevel_notify_retrieve() asks, the kernel answers with a request.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "fuse_lowlevel.h"

namespace fuse3 {

struct Retrieve {
  fuse_ino_t ino;
  void* cookie;
};

class RetrieveTable {
 public:
  // The kernel may still answer what a former server asked: `generation` keeps the numbers apart.
  void begin_generation(uint64_t generation) {
    std::lock_guard guard(lock_);
    last_ = generation << 32;
  }

  uint64_t add(const Retrieve& retrieve) {
    std::lock_guard guard(lock_);
    waiting_.emplace(++last_, retrieve);
    return last_;
  }

  std::optional<Retrieve> take(uint64_t unique) {
    std::lock_guard guard(lock_);
    const auto found = waiting_.find(unique);
    if (found == waiting_.end()) return std::nullopt;
    const Retrieve retrieve = found->second;
    waiting_.erase(found);
    return retrieve;
  }

 private:
  std::mutex lock_;
  uint64_t last_ = 0;
  std::map<uint64_t, Retrieve> waiting_;
};

}  // namespace fuse3
