// How a thread that waits for a request is ended, or only called back from its wait. It can be
// cancelled at any time, and nobody does so except through here: while it waits, and not while it
// runs an operation. That costs each request one atomic exchange; pthread_setcancelstate() would
// cost two, and more in all.
//
// The program's own thread is not ours to cancel. It is called back by a signal, which must not
// reach an operation either: it is seen to have arrived before the wait counts as over. The signal
// is SIGURG, which does nothing unless somebody has a use for it; interrupt() takes it for as long
// as an Interrupts object lives.
#pragma once

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <atomic>
#include <mutex>

namespace fuse3 {

class Waiting {
 public:
  // By the thread itself, around its wait.
  void begin() { state_.store(State::waits, std::memory_order_release); }
  void end() {
    const State before = state_.exchange(State::runs, std::memory_order_acq_rel);
    if (before == State::cancelled) outlive();
    if (before == State::interrupted) take_signal();
  }
  // By the thread itself: it was cancelled while its wait was just ending, and went on. Nobody can
  // cancel it any more: it has to end when it has run what it received.
  bool outlived() const { return outlived_; }

  // By another: whether `thread`, whose object this is, waited and has been cancelled. False may be
  // out of date: ask again.
  bool cancel(pthread_t thread) {
    auto expected = State::waits;
    if (!state_.compare_exchange_strong(expected, State::cancelled, std::memory_order_acq_rel)) {
      return false;
    }
    pthread_cancel(thread);
    return true;
  }

  class Interrupts {
   public:
    Interrupts() : turn_(turns()) {
      struct sigaction action {};
      action.sa_handler = [](int) { arrived() = true; };
      sigaction(SIGURG, &action, &before_);
    }
    ~Interrupts() { sigaction(SIGURG, &before_, nullptr); }
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;

   private:
    // What one saves is what it puts back: two at a time would mix that up.
    static std::mutex& turns() {
      static constinit std::mutex mutex;
      return mutex;
    }
    const std::lock_guard<std::mutex> turn_;
    struct sigaction before_ {};
  };
  // By another, while it has an Interrupts: whether `thread`, whose object this is, waited and is
  // being called back. `thread` must be there until the Interrupts has gone.
  bool interrupt(pthread_t thread) {
    auto expected = State::waits;
    if (!state_.compare_exchange_strong(expected, State::interrupted, std::memory_order_acq_rel)) {
      return false;
    }
    pthread_kill(thread, SIGURG);
    return true;
  }

 private:
  enum class State : unsigned char { runs, waits, cancelled, interrupted };

  // glibc 2.36 ends a thread of asynchronous type that has disabled cancellation, if the signal was
  // on its way by then: so the type has to be the other one as well.
  void outlive() {
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, nullptr);
    outlived_ = true;
  }

  static volatile bool& arrived() {
    static thread_local volatile bool flag = false;
    return flag;
  }
  // Where the program has blocked the signal it has to be fetched.
  static void take_signal() {
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, SIGURG);
    const timespec moment{0, 1'000'000};
    while (!arrived() && sigtimedwait(&only, nullptr, &moment) != SIGURG) {
    }
    arrived() = false;
  }

  std::atomic<State> state_{State::runs};
  bool outlived_ = false;
};

}  // namespace fuse3
