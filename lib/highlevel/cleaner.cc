// The thread that frees what was forgotten long enough ago (remember=T).
#include <time.h>

#include <cerrno>
#include <cstring>

#include "highlevel/fuse_struct.h"
#include "highlevel/high_level.h"
#include "support/futex.h"
#include "support/log.h"
#include "support/quiet_thread.h"

namespace fuse3 {
namespace {

void* run(void* data) {
  fuse& owner = *static_cast<fuse*>(data);
  while (owner.cleaner.stop.load(std::memory_order_acquire) == 0) {
    const timespec pause{clean_cache(owner), 0};
    futex_wait(owner.cleaner.stop, 0, &pause);
  }
  return nullptr;
}

void end_thread(Cleaner& cleaner) {
  cleaner.stop.store(1, std::memory_order_release);
  futex_wake_all(cleaner.stop);
  ::pthread_join(cleaner.thread, nullptr);
  cleaner.stop.store(0, std::memory_order_relaxed);
}

}  // namespace

int clean_cache(fuse& owner) {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return owner.tree.clean(now);
}

int start_cleaner(fuse& owner) {
  if (owner.config.remember <= 0) return 0;
  Cleaner& cleaner = owner.cleaner;
  std::lock_guard guard(cleaner.lock);
  if (cleaner.users++ > 0) return 0;
  const int error = start_quiet_thread(&cleaner.thread, run, &owner);
  if (error == 0) return 0;
  log_error("fuse: cannot start the thread that cleans up: %s", std::strerror(error));
  cleaner.users = 0;
  return -1;
}

void stop_cleaner(fuse& owner) {
  Cleaner& cleaner = owner.cleaner;
  std::lock_guard guard(cleaner.lock);
  if (cleaner.users == 0 || --cleaner.users > 0) return;
  end_thread(cleaner);
}

void stop_all_cleaning(fuse& owner) {
  Cleaner& cleaner = owner.cleaner;
  std::lock_guard guard(cleaner.lock);
  if (std::exchange(cleaner.users, 0) > 0) end_thread(cleaner);
}

}  // namespace fuse3
