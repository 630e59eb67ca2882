// How systemd asks a server to leave for another: by a signal, RestartKillSignal=RTMIN+7 of the
// unit.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>

#include "support/result.h"

namespace fuse3::reconnect {

// While one exists the signal means `drain`, which is called on a thread of its own that has all
// signals blocked. A handler that the program has set for that signal itself stays.
class DrainSignal {
 public:
  // EMFILE: that many mounts of one process cannot be asked.
  static Result<std::unique_ptr<DrainSignal>> watch(std::function<void()> drain);
  ~DrainSignal();
  // As if the signal came once more. From any thread, as long as this exists.
  void again();
  // `drain` is not called any more, and no call of it is under way. Not to be called by it.
  void stop();
  DrainSignal(const DrainSignal&) = delete;
  DrainSignal& operator=(const DrainSignal&) = delete;

 private:
  DrainSignal(size_t place, std::function<void()> drain);
  void run();
  static void* entry(void* self);

  const size_t place_;
  const std::function<void()> drain_;
  std::atomic<bool> over_{false};
  pthread_t thread_{};
};

}  // namespace fuse3::reconnect
