#include "session/own_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <mutex>
#include <utility>

namespace fuse3 {
namespace {

thread_local bool may_call = false;

bool watch(int both, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  return ::epoll_ctl(both, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

OwnLoop::Turn::Turn() {
  may_call = true;
}
OwnLoop::Turn::~Turn() {
  may_call = false;
}
void OwnLoop::called() {
  may_call = false;
}

int OwnLoop::bell() {
  std::lock_guard guard(lock_);
  if (!bell_) bell_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  return bell_.get();
}

int OwnLoop::wait_fd(int device) {
  const int ringing = bell();
  std::lock_guard guard(lock_);
  if (both_) return both_.get();
  UniqueFd both(::epoll_create1(EPOLL_CLOEXEC));
  if (!both || !watch(both.get(), device) || !watch(both.get(), ringing)) return -1;
  both_ = std::move(both);
  return both_.get();
}

void OwnLoop::ring() {
  ::eventfd_write(bell(), 1);
}

void OwnLoop::call(std::function<void()> task) {
  if (!active_.load(std::memory_order_acquire)) return task();
  if (may_call) {
    may_call = false;
    return task();
  }
  {
    std::lock_guard guard(lock_);
    tasks_.push_back(std::move(task));
  }
  ring();
}

OwnLoop::Ready OwnLoop::look(int device) {
  pollfd watched[] = {{device, POLLIN, 0}, {bell(), POLLIN, 0}};
  Ready ready;
  if (::poll(watched, 2, 0) <= 0) return ready;
  ready.device = watched[0].revents != 0;
  eventfd_t times;
  ready.rung = watched[1].revents != 0 && ::eventfd_read(watched[1].fd, &times) == 0;
  return ready;
}

Result<void> OwnLoop::wait(int device) {
  int flags = 0;
  {
    std::lock_guard guard(lock_);
    if (both_) flags = ::fcntl(both_.get(), F_GETFL);
  }
  if (flags >= 0 && (flags & O_NONBLOCK) != 0) return Error{EAGAIN};
  pollfd watched[] = {{device, POLLIN, 0}, {bell(), POLLIN, 0}};
  if (::poll(watched, 2, -1) < 0) return last_error();
  return {};
}

bool OwnLoop::has_task() {
  std::lock_guard guard(lock_);
  return !tasks_.empty();
}

bool OwnLoop::run_task() {
  std::function<void()> task;
  {
    std::lock_guard guard(lock_);
    if (tasks_.empty()) return false;
    task = std::move(tasks_.front());
    tasks_.pop_front();
  }
  called();
  task();
  return true;
}

}  // namespace fuse3
