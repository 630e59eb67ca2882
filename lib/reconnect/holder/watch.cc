// What a server does when its keeper dies.
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "reconnect/holder/holder_link.h"
#include "reconnect/holder/launch.h"
#include "support/log.h"
#include "support/quiet_thread.h"

namespace fuse3::reconnect {
namespace {

constexpr int kFirstPauseMs = 1000;
constexpr int kLongestPauseMs = 30000;

// True if the event came.
bool wait_for_event(int event, int milliseconds) {
  pollfd watched{event, POLLIN, 0};
  return poll(&watched, 1, milliseconds) > 0;
}

}  // namespace

// The new link replaces the old one under the same number, so that nobody ever uses a closed one.
Result<void> HolderLink::start_another_locked() {
  Result<UniqueFd> link = launch_keeper(describe_(), image_, stop_event_.get());
  if (!link) return link.as_error();
  if (dup3(link->get(), link_.get(), O_CLOEXEC) < 0) return last_error();
  auto message = make_message<HelloMessage>();
  message.flags = hello_flags_;
  return send_message(link_.get(), message);
}

// The keeper says nothing by itself but this.
HolderLink::Heard HolderLink::hear() {
  Result<Packet> packet = receive_packet(link_.get(), MSG_DONTWAIT);
  if (!packet) return packet.error() == EPIPE ? Heard::end : Heard::nothing;
  return packet->type() == MessageType::kDrain ? Heard::drain : Heard::nothing;
}

void HolderLink::watch() {
  int pause = kFirstPauseMs;
  for (;;) {
    pollfd watched[] = {{link_.get(), POLLIN, 0}, {stop_event_.get(), POLLIN, 0}};
    if (poll(watched, 2, -1) < 0) continue;
    if (watched[1].revents != 0) return;
    Heard heard;
    Result<void> done;
    {
      std::lock_guard lock(mutex_);
      heard = hear();
      if (heard == Heard::end) done = start_another_locked();
    }
    if (heard == Heard::drain && drain_) drain_();
    if (heard != Heard::end) continue;
    if (done) {
      log(FUSE_LOG_NOTICE, "fuse: reattach: the keeper had died; started another\n");
      pause = kFirstPauseMs;
      continue;
    }
    if (wait_for_event(stop_event_.get(), pause)) return;
    pause = std::min(pause * 2, kLongestPauseMs);
  }
}

void* HolderLink::watch_entry(void* self) {
  static_cast<HolderLink*>(self)->watch();
  return nullptr;
}

Result<void> HolderLink::start_watch(Describe describe, std::function<void()> drain) {
  std::lock_guard lock(mutex_);
  if (describe_) return Error{EALREADY};
  UniqueFd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return last_error();
  describe_ = std::move(describe);
  drain_ = std::move(drain);
  stop_event_ = std::move(event);
  const int failed = start_quiet_thread(&watcher_, watch_entry, this);
  if (failed == 0) return {};
  describe_ = nullptr;
  stop_event_.reset();
  return Error{failed};
}

void HolderLink::stop_watch() {
  {
    std::lock_guard lock(mutex_);
    if (!describe_) return;
  }
  eventfd_write(stop_event_.get(), 1);
  pthread_join(watcher_, nullptr);
  std::lock_guard lock(mutex_);
  describe_ = nullptr;
  stop_event_.reset();
}

}  // namespace fuse3::reconnect
