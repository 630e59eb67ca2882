// Requests that wait for a lock, without keeping one of the loop's threads waiting with them.
//
// A system call that waits for a lock cannot be told that its request was interrupted, and as many
// of them as there are threads would stop the mount, including the unlock they wait for. So the
// locks are tried without waiting, over and over, by one thread that starts when it is first
// needed.

#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

struct fuse_req;

class LockWaiter {
 public:
  // Tries to lock, without waiting. Returns an errno; EAGAIN is for later.
  using Attempt = std::function<int()>;

  LockWaiter() = default;
  ~LockWaiter() { Stop(); }
  LockWaiter(const LockWaiter&) = delete;
  LockWaiter& operator=(const LockWaiter&) = delete;

  // Answers req with what attempt returns, at once or later.
  void Lock(fuse_req* req, bool wait, Attempt attempt);

  // Answers those who still wait with EINTR. Call it when the loop has ended.
  void Stop();

 private:
  struct Waiting {
    fuse_req* req;
    Attempt attempt;
  };

  void Run();
  static bool Settle(Waiting& waiting);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Waiting> waiting_;
  std::thread thread_;
  bool stop_ = false;
};
