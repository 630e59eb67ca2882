// The requests that one worker has in hand. Its lock is taken by that worker, by threads that answer
// one of its requests late, and by whoever looks for a request to interrupt; so it is hardly ever
// contended. Request objects are kept for reuse: once warm nothing is allocated.
#pragma once

#include "session/request.h"
#include "support/spin_mutex.h"

namespace fuse3 {

class alignas(64) Lane {
 public:
  Lane() = default;
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // A fresh request, linked, with two references: the operation's and the answer's. Null: no memory.
  fuse_req* open(const wire::Message& message);
  // The request was answered: it can be interrupted no more. Drops the answer's reference.
  void answered(fuse_req& req);
  // The operation has returned. Drops its reference.
  void returned(fuse_req& req);
  // Marks the request as interrupted and calls its function. False: it is not in this lane.
  bool interrupt(RequestId unique);

  void set_interrupt_function(fuse_req& req, fuse_interrupt_func_t function, void* data);
  bool interrupted(fuse_req& req);

 private:
  void drop(fuse_req& req);  // lock held

  SpinMutex lock_;
  fuse_req* busy_ = nullptr;
  fuse_req* spare_ = nullptr;
};

}  // namespace fuse3
