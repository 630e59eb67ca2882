// Holds a node to its place in the tree. Whoever lets the filesystem work on a path shares the
// places of all nodes on it; whoever moves or removes a node owns its place. Sharing never waits
// for sharing, so operations wait for nothing but a move or a removal of something on their own
// path.
//
// Nobody sleeps while it shares or owns anything: what cannot be had at once is waited for with
// empty hands (PathHold). A mover that waits says so; then plain operations keep off that node
// until it had its turn, and those that are under way end.
#pragma once

#include <atomic>
#include <cstdint>

namespace fuse3 {

class PlaceLock {
 public:
  enum class Outcome : uint8_t { shared, busy, dead };
  // Polite: also held off by those who wait to own. Others are movers themselves.
  enum class Manner : uint8_t { polite, mover };

  Outcome share(Manner manner);
  void unshare();
  bool own();
  void disown();

  void want() { word_.fetch_add(kWantOne, std::memory_order_relaxed); }
  void unwant();

  // Return when another attempt is worthwhile.
  void wait_to_share(Manner manner);
  void wait_to_own();

  // The node is to be freed. False: somebody uses its place. Until live() nobody can have it.
  bool die();
  bool dead() const { return (word_.load(std::memory_order_relaxed) & kDead) != 0; }
  // Not a plain store: somebody with an old id may just be finding out that the node is dead.
  void live() { word_.fetch_and(~(kOwned | kDead), std::memory_order_release); }

 private:
  static constexpr uint32_t kSharers = (1u << 20) - 1;
  static constexpr uint32_t kWantOne = 1u << 20;
  static constexpr uint32_t kWanted = 0x1ffu << 20;
  static constexpr uint32_t kWaiters = 1u << 29;
  static constexpr uint32_t kDead = 1u << 30;
  static constexpr uint32_t kOwned = 1u << 31;

  static uint32_t obstacles(Manner manner) {
    return manner == Manner::polite ? kOwned | kWanted : kOwned;
  }
  void sleep_while(uint32_t obstacles);
  void wake();

  std::atomic<uint32_t> word_{kDead | kOwned};
};

}  // namespace fuse3
