// How a thread that waits for a request is ended. It can be cancelled at any time, and nobody does
// so except through here: while it waits, and not while it runs an operation. That costs each
// request one atomic exchange; pthread_setcancelstate() would cost two, and more in all.
#pragma once

#include <pthread.h>

#include <atomic>

namespace fuse3 {

class Waiting {
 public:
  // By the thread itself, around its wait. One that was cancelled while its wait was just ending
  // may go on after end(): it is not ended any more, and has to notice by other means that it
  // should.
  void begin() { state_.store(State::waits, std::memory_order_release); }
  void end() {
    if (state_.exchange(State::runs, std::memory_order_acq_rel) == State::cancelled) {
      pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    }
  }

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

 private:
  enum class State : unsigned char { runs, waits, cancelled };
  std::atomic<State> state_{State::runs};
};

}  // namespace fuse3
