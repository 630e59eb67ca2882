// A successor that asks the kernel to send again what it waits for (FUSE_NOTIFY_RESEND), and
// compares that with the slots. Nothing depends on it: doc/reconnect.md says what it is good for,
// and why it is not done unless somebody wants it.
#include <fcntl.h>

#include <cstring>

#include "lowlevel/notifications.h"
#include "reconnect/seam/guard.h"
#include "reconnect/seam/reconnect_seam.h"
#include "reconnect/seam/request_header.h"
#include "support/log.h"
#include "wire/flags.h"
#include "wire/request.h"

namespace fuse3::reconnect {
namespace {

// A read that finds nothing is to return: the caller of the only request may be killed between
// poll(2) and read(2). Others have the same open file, so it is put back.
class NotWaiting {
 public:
  NotWaiting(int device, bool wanted) : device_(device), wanted_(wanted) { set(true); }
  ~NotWaiting() { set(false); }
  NotWaiting(const NotWaiting&) = delete;
  NotWaiting& operator=(const NotWaiting&) = delete;

 private:
  void set(bool on) const {
    const int flags = wanted_ ? ::fcntl(device_, F_GETFL) : -1;
    if (flags >= 0) ::fcntl(device_, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
  }

  const int device_;
  const bool wanted_;
};

bool waits(int device) {
  const int flags = ::fcntl(device, F_GETFL);
  return flags >= 0 && (flags & O_NONBLOCK) == 0;
}

}  // namespace

// What the kernel offered is in the INIT request that the first server was sent; the kernel does
// not want to be told that it is used.
bool ReconnectSeam::kernel_can_resend() {
  const auto message = wire::Message::parse(state_->init_request());
  const auto offer = message ? wire::decode<wire::Init>(*message, wire::Negotiated{})
                             : Result<wire::Init>(message.as_error());
  // Requests that are in a ring are not sent again.
  return offer && (offer->flags & wire::init_flag::has_resend) != 0 &&
         (session_.negotiated.flags & wire::init_flag::over_io_uring) == 0 &&
         state_->mapping().layout_version() == kLayoutVersion;
}

// A server that died in the middle of it has left numbers that the kernel does not know any more.
bool ReconnectSeam::wants_resend() {
  if (session_.stage != LifeStage::initialised) return false;
  if (holds(Guard::resend_again) && state_->resend().begun) return true;
  return session_.options.reattach_resend && kernel_can_resend();
}

// Stored replies go first, by the numbers that their requests have now. From the question on the
// kernel lets go of callers that are killed, and nothing would tell whether one of those had its
// answer.
void ReconnectSeam::send_stored_replies() {
  std::vector<Slot> others;
  state_->slots().for_each_used([&](const Slot& slot) {
    if (slot.stage() == Stage::replied || opcode_of(slot) == wire::Opcode::init) {
      settle_slot(slot, others);
    }
  });
}

Result<void> ReconnectSeam::ask_and_match() {
  const int device = session_.device(0);
  const State::Resend before = state_->resend();
  const bool unblocks = before.unblocked || waits(device);
  state_->begin_resend(unblocks);
  Result<void> taken;
  if (const int error = notify_resend(session_); error == 0) {
    const NotWaiting not_waiting(device, unblocks);
    taken = take_resent();
  } else {
    log(FUSE_LOG_WARNING, "fuse: the kernel does not send requests again: %s",
        std::strerror(-error));
  }
  if (taken) state_->end_resend();
  return taken;
}

}  // namespace fuse3::reconnect
