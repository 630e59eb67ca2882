// Those who wait in poll(2): the filesystem that would have woken them is gone, so they are woken
// to ask its successor.
#include "lowlevel/notifications.h"
#include "reconnect/seam/arguments.h"
#include "reconnect/seam/guard.h"
#include "reconnect/seam/reconnect_seam.h"
#include "wire/flags.h"

namespace fuse3::reconnect {

// Before the filesystem is asked, for it may wake them at once.
void ReconnectSeam::note_poller(const fuse_req& req) {
  const auto args = args_of<wire::Poll>(req);
  if ((args.flags & wire::poll_flag::schedule_notify) == 0 || !holds(Guard::poller_noted)) return;
  const auto handle = state_->handles().find(args.handle);
  if (handle) state_->handles().set_poll_handle(handle->index, args.kernel_handle);
}

// Waking one for nothing is allowed: the kernel asks, and he waits again. Who began to wait after
// the death has a request in a slot or in the kernel's queue.
void ReconnectSeam::wake_pollers() {
  if (!holds(Guard::poller_woken)) return;
  for (const uint64_t kernel_handle : state_->handles().poll_handles()) {
    (void)notify_poll({kernel_handle, &session_});
  }
}

}  // namespace fuse3::reconnect
