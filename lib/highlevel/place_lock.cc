#include "highlevel/place_lock.h"

#include "support/futex.h"

namespace fuse3 {

PlaceLock::Outcome PlaceLock::share(Manner manner) {
  // An addition cannot fail, whatever others do meanwhile; it is taken back if there is an
  // obstacle.
  const uint32_t before = word_.fetch_add(1, std::memory_order_acquire);
  if ((before & (obstacles(manner) | kDead)) == 0) return Outcome::shared;
  unshare();
  return (before & kDead) != 0 ? Outcome::dead : Outcome::busy;
}

void PlaceLock::unshare() {
  const uint32_t before = word_.fetch_sub(1, std::memory_order_release);
  if ((before & kWaiters) != 0 && (before & kSharers) == 1) wake();
}

bool PlaceLock::own() {
  uint32_t word = word_.load(std::memory_order_relaxed);
  while ((word & (kOwned | kSharers)) == 0) {
    if (word_.compare_exchange_weak(word, word | kOwned, std::memory_order_acquire,
                                    std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

void PlaceLock::disown() {
  const uint32_t before = word_.fetch_and(~kOwned, std::memory_order_release);
  if ((before & kWaiters) != 0) wake();
}

void PlaceLock::unwant() {
  const uint32_t before = word_.fetch_sub(kWantOne, std::memory_order_relaxed);
  if ((before & kWaiters) != 0 && (before & kWanted) == kWantOne) wake();
}

bool PlaceLock::die() {
  uint32_t word = word_.load(std::memory_order_relaxed);
  while ((word & (kOwned | kSharers | kWanted)) == 0) {
    if (word_.compare_exchange_weak(word, word | kOwned | kDead, std::memory_order_acquire,
                                    std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

void PlaceLock::wait_to_share(Manner manner) {
  sleep_while(obstacles(manner));
}

void PlaceLock::wait_to_own() {
  sleep_while(kOwned | kSharers);
}

// Each change that takes an obstacle away looks at kWaiters in the same instruction, so a sleeper
// that has set it, with the obstacle still there, is woken.
void PlaceLock::sleep_while(uint32_t obstacles) {
  uint32_t word = word_.load(std::memory_order_relaxed);
  while ((word & obstacles) != 0 && (word & kDead) == 0) {
    if ((word & kWaiters) == 0 &&
        !word_.compare_exchange_weak(word, word | kWaiters, std::memory_order_relaxed)) {
      continue;
    }
    futex_wait(word_, word | kWaiters);
    word = word_.load(std::memory_order_relaxed);
  }
}

void PlaceLock::wake() {
  word_.fetch_and(~kWaiters, std::memory_order_relaxed);
  futex_wake_all(word_);
}

}  // namespace fuse3
