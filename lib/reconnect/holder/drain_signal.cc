#include "reconnect/holder/drain_signal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <mutex>
#include <utility>

#include "support/quiet_thread.h"

namespace fuse3::reconnect {
namespace {

constexpr int kAfterFirst = 7;  // real-time signals; the number systemd calls RTMIN+7

// The handler rings all bells that are in use. A bell is never closed, because the handler may just
// be about to ring it.
struct Bell {
  std::atomic<int> event{-1};
  std::atomic<bool> used{false};
};
std::array<Bell, 16> bells;
std::mutex bells_lock;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void ring(const Bell& bell) {
  const uint64_t one = 1;
  // It can only fail when it rings already.
  if (::write(bell.event.load(), &one, sizeof one) < 0) return;
}

void handle(int) {
  const int saved_errno = errno;
  for (const Bell& bell : bells) {
    if (bell.used.load()) ring(bell);
  }
  errno = saved_errno;
}

// It stays when nobody watches any more: a second signal must not end a server that is about to
// leave.
Result<void> install() {
  const int number = SIGRTMIN + kAfterFirst;
  struct sigaction now {};
  if (::sigaction(number, nullptr, &now) != 0) return last_error();
  if (now.sa_handler != SIG_DFL) return {};
  struct sigaction wanted {};
  wanted.sa_handler = handle;
  wanted.sa_flags = SA_RESTART;
  sigemptyset(&wanted.sa_mask);
  if (::sigaction(number, &wanted, nullptr) != 0) return last_error();
  return {};
}

// That it was rung for a former user means nothing.
void silence(int event) {
  uint64_t count;
  pollfd rung{event, POLLIN, 0};
  if (::poll(&rung, 1, 0) == 1 && ::read(event, &count, sizeof count) < 0) return;
}

Result<size_t> take_bell() {
  std::lock_guard guard(bells_lock);
  for (size_t i = 0; i < bells.size(); ++i) {
    Bell& bell = bells[i];
    if (bell.used.load()) continue;
    if (bell.event.load() < 0) bell.event.store(::eventfd(0, EFD_CLOEXEC));
    if (bell.event.load() < 0) return last_error();
    silence(bell.event.load());
    bell.used.store(true);
    return i;
  }
  return Error{EMFILE};
}

}  // namespace

DrainSignal::DrainSignal(size_t place, std::function<void()> drain)
    : place_(place), drain_(std::move(drain)) {}

Result<std::unique_ptr<DrainSignal>> DrainSignal::watch(std::function<void()> drain) {
  if (const auto installed = install(); !installed) return installed.as_error();
  const auto place = take_bell();
  if (!place) return place.as_error();
  std::unique_ptr<DrainSignal> made(new DrainSignal(*place, std::move(drain)));
  const int failed = start_quiet_thread(&made->thread_, entry, made.get());
  if (failed == 0) return made;
  made->over_.store(true);
  bells[*place].used.store(false);
  return Error{failed};
}

DrainSignal::~DrainSignal() {
  stop();
}

void DrainSignal::stop() {
  if (!over_.exchange(true)) {
    ring(bells[place_]);
    pthread_join(thread_, nullptr);
    bells[place_].used.store(false);
  }
}

void DrainSignal::again() {
  ring(bells[place_]);
}

void DrainSignal::run() {
  uint64_t count;
  while (!over_.load()) {
    if (::read(bells[place_].event.load(), &count, sizeof count) < 0) return;
    if (!over_.load()) drain_();
  }
}

void* DrainSignal::entry(void* self) {
  static_cast<DrainSignal*>(self)->run();
  return nullptr;
}

}  // namespace fuse3::reconnect
