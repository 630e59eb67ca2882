#include "lock_waiter.h"

#include <cerrno>
#include <chrono>
#include <utility>

#include "filesystem.h"

void LockWaiter::Lock(fuse_req* req, bool wait, Attempt attempt) {
  const int error = attempt();
  if (error != EAGAIN || !wait) {
    fuse_reply_err(req, error);
    return;
  }
  std::lock_guard lock(mutex_);
  waiting_.push_back({req, std::move(attempt)});
  if (!thread_.joinable()) {
    thread_ = std::thread([this] { Run(); });
  }
  changed_.notify_one();
}

void LockWaiter::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) {
    thread_.join();
  }
  for (const Waiting& waiting : waiting_) {
    fuse_reply_err(waiting.req, EINTR);
  }
  waiting_.clear();
}

bool LockWaiter::Settle(Waiting& waiting) {
  const int error = fuse_req_interrupted(waiting.req) ? EINTR : waiting.attempt();
  if (error == EAGAIN) {
    return false;
  }
  fuse_reply_err(waiting.req, error);
  return true;
}

void LockWaiter::Run() {
  constexpr auto kPause = std::chrono::milliseconds(2);
  std::unique_lock lock(mutex_);
  while (!stop_) {
    waiting_.remove_if(Settle);
    if (waiting_.empty()) {
      changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    } else {
      changed_.wait_for(lock, kPause, [this] { return stop_; });
    }
  }
}
