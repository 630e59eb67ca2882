// Programs with loops of their own, while reconnect has calls of its own to make. Such a program
// waits for the device, receives, processes, and may expect that the filesystem is called once at
// most in each fuse_session_process_buf() and nowhere else: bindings to languages with coroutines
// do. So what the library wants to ask goes through the same three steps.
#pragma once

#include <atomic>
#include <deque>
#include <functional>

#include "support/result.h"
#include "support/spin_mutex.h"
#include "support/unique_fd.h"

namespace fuse3 {

class OwnLoop {
 public:
  // What such a program waits for in place of the device: readable when there is a request, or
  // something of ours. -1: it could not be made.
  int wait_fd(int device);

  // Has the program come for more, at once. Safe in every thread.
  void ring();

  // The program receives by itself from now on.
  void begin() { active_.store(true, std::memory_order_release); }

  bool active() const { return active_.load(std::memory_order_acquire); }

  // While one of these lives, its thread is receiving.
  class Receiver {
   public:
    explicit Receiver(OwnLoop& loop) : loop_(loop) { ++loop_.receivers_; }
    ~Receiver() { --loop_.receivers_; }
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

   private:
    OwnLoop& loop_;
  };
  unsigned receivers() const { return receivers_.load(); }

  // Calls the filesystem by `task`: here, or, in a program with a loop of its own, when it next can
  // be.
  void call(std::function<void()> task);

  struct Ready {
    bool device = false;
    bool rung = false;  // and silent again
  };
  // What there is to do now.
  Ready look(int device);
  // Sleeps until there is something. EINTR: a signal came. EAGAIN: the program has said O_NONBLOCK.
  Result<void> wait(int device);

  bool has_task();
  // Runs the oldest task. False: there was none.
  bool run_task();

  // While one of these lives, its thread is in fuse_session_process_buf().
  class Turn {
   public:
    Turn();
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
  };
  // The filesystem is being called: not again in this turn.
  static void called();

 private:
  int bell();

  std::atomic<bool> active_{false};
  std::atomic<unsigned> receivers_{0};
  SpinMutex lock_;
  std::deque<std::function<void()>> tasks_;
  UniqueFd bell_;  // an eventfd
  UniqueFd both_;  // an epoll of the device and the bell
};

}  // namespace fuse3
