// A planned end: the keeper wants another server in place of this one. The loop is ended as by
// fuse_session_exit(), what it has is finished, and the program goes its way to the end, destroy()
// included, without unmounting. Whatever cannot be finished in time makes this server go on.
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "reconnect/seam/announce.h"
#include "reconnect/seam/reconnect_seam.h"
#include "session/waiting.h"
#include "support/clock.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

// An operation that takes longer than this is not waited for.
constexpr unsigned kLoopEndsWithinMs = 5000;

}  // namespace

unsigned ReconnectSeam::used_slots() const {
  unsigned used = 0;
  state_->slots().for_each_used([&](const Slot&) { ++used; });
  return used;
}

// On the link's thread. The loop may be of any kind: woken monitors, a thread that has to be called
// back from its read, or the program's own.
void ReconnectSeam::leave_wanted() {
  Leave none = Leave::no;
  if (!leave_.compare_exchange_strong(none, Leave::wanted)) return;
  announce(stage_in_words("draining"));
  const Waiting::Interrupts interrupts;
  const bool own_loop = session_.own_loop.active();
  if (!own_loop) exit_session(session_);
  for (unsigned waited = 0;; ++waited) {
    const Leave now = leave_.load(std::memory_order_acquire);
    if (now == Leave::no || now == Leave::left) return;
    if (now == Leave::wanted && waited >= kLoopEndsWithinMs && call_off()) return;
    if (own_loop) {
      session_.own_loop.ring();
    } else {
      (void)session_.loop_thread.call_back();
    }
    pause_ms(1);
  }
}

bool ReconnectSeam::call_off() {
  Leave wanted = Leave::wanted;
  if (!leave_.compare_exchange_strong(wanted, Leave::no)) return false;
  if (!session_.own_loop.active() && session_.result.load(std::memory_order_relaxed) == 0) {
    reset_session(session_);
    session_.wake_monitor();
  }
  const unsigned used = std::max(used_slots(), 1u);
  log(FUSE_LOG_WARNING, "fuse: %u requests take too long: this server goes on", used);
  announce_served();
  (void)holder_->drained(used).ok();
  return true;
}

bool ReconnectSeam::has_pending() {
  std::lock_guard guard(pending_lock_);
  return !pending_.empty();
}

bool ReconnectSeam::leave(unsigned milliseconds) {
  Leave wanted = Leave::wanted;
  if (!leave_.compare_exchange_strong(wanted, Leave::finishing)) return wanted == Leave::left;
  unsigned used = used_slots();
  for (unsigned waited = 0; used > 0 && waited < milliseconds; ++waited) {
    pause_ms(1);
    used = used_slots();
  }
  if (used > 0 && milliseconds == 0) {
    leave_.store(Leave::wanted, std::memory_order_release);
    return false;
  }
  if (used == 0) {
    state_->leave();
    const auto told = holder_->drained(0);
    if (told) {
      leave_.store(Leave::left, std::memory_order_release);
      return true;
    }
    state_->set_pid(::getpid());
    log_error("fuse: cannot leave the mount to another server: %s", ::strerror(told.error()));
  } else {
    log(FUSE_LOG_WARNING,
        "fuse: %u requests are not answered: this server goes on, and no other takes its place",
        used);
    announce_served();
    (void)holder_->drained(used).ok();
  }
  leave_.store(Leave::no, std::memory_order_release);
  return false;
}

}  // namespace fuse3::reconnect
