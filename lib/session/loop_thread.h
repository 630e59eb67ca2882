// The thread of a single-threaded loop, for who wants it back from a read.
#pragma once

#include <pthread.h>

#include <mutex>

#include "session/waiting.h"

namespace fuse3 {

class LoopThread {
 public:
  // By the thread, around its loop.
  void enter() {
    std::lock_guard guard(lock_);
    thread_ = pthread_self();
    inside_ = true;
  }
  void leave() {
    std::lock_guard guard(lock_);
    inside_ = false;
  }
  Waiting& waiting() { return waiting_; }

  // By another. False: it does not wait at this moment, or there is no such loop.
  bool call_back() {
    std::lock_guard guard(lock_);
    return inside_ && waiting_.interrupt(thread_);
  }

 private:
  std::mutex lock_;
  pthread_t thread_{};
  bool inside_ = false;
  Waiting waiting_;
};

}  // namespace fuse3
