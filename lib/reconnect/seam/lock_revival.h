// Takes the locks of one node again, one after the other.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "reconnect/lock_table.h"
#include "reconnect/seam/inquiry.h"
#include "reconnect/state.h"

namespace fuse3::reconnect {

// Deletes itself when it is done. On the heap, because the filesystem may answer late.
class LockRevival {
 public:
  struct Hooks {
    // Makes the handle, or else the node, of a lock known to the filesystem.
    std::function<void(const Lock&, std::function<void(int error)>)> revive;
    // One could not be taken.
    std::function<void()> lost;
    std::function<void()> done;
  };

  LockRevival(fuse_session& session, State& state, Lane& lane, NodeId node, std::vector<Lock> locks,
              Hooks hooks);
  void run();

 private:
  void take(const Lock& lock);
  void ask_for(const Lock& lock, uint32_t type, Then then);
  void taken(const Lock& lock, int error);
  void answered();

  static constexpr int kAsking = 0;
  static constexpr int kAnswered = 1;
  static constexpr int kWaiting = 2;

  fuse_session& session_;
  State& state_;
  Lane& lane_;
  const NodeId node_;
  const std::vector<Lock> locks_;
  Hooks hooks_;
  size_t next_ = 0;
  std::atomic<int> turn_{kAsking};
};

}  // namespace fuse3::reconnect
