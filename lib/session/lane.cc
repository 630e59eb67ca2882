#include "session/lane.h"

#include <mutex>
#include <new>

namespace fuse3 {

Lane::~Lane() {
  for (fuse_req** list : {&busy_, &spare_}) {
    while (fuse_req* req = *list) {
      *list = req->next;
      delete req;
    }
  }
}

fuse_req* Lane::open(const wire::Message& message) {
  std::lock_guard guard(lock_);
  fuse_req* req = spare_;
  if (req != nullptr) {
    spare_ = req->next;
  } else {
    req = new (std::nothrow) fuse_req;
    if (req == nullptr) return nullptr;
  }
  req->lane = this;
  req->message.emplace(message);
  req->references = 2;
  req->answered = false;
  req->interrupted = false;
  req->interrupt_function = nullptr;
  req->ioctl_64bit = false;
  req->rerun = false;
  req->cleared = false;
  req->of_hidden = false;
  req->held_reply.reset();
  req->data_pipe = -1;
  req->scratch = {};
  req->place = {};
  req->runner = {};
  req->running = false;
  req->previous = nullptr;
  req->next = busy_;
  if (busy_ != nullptr) busy_->previous = req;
  busy_ = req;
  return req;
}

void Lane::drop(fuse_req& req) {
  if (--req.references > 0) return;
  req.next = spare_;
  spare_ = &req;
}

void Lane::answered(fuse_req& req) {
  std::lock_guard guard(lock_);
  (req.previous != nullptr ? req.previous->next : busy_) = req.next;
  if (req.next != nullptr) req.next->previous = req.previous;
  req.previous = req.next = nullptr;
  req.answered = true;
  drop(req);
}

void Lane::returned(fuse_req& req) {
  std::lock_guard guard(lock_);
  req.running = false;
  drop(req);
}

bool Lane::interrupt(RequestId unique) {
  fuse_req* found = nullptr;
  fuse_interrupt_func_t function = nullptr;
  void* data = nullptr;
  {
    std::lock_guard guard(lock_);
    for (found = busy_; found != nullptr; found = found->next) {
      if (without_resent_bit(found->unique()) == unique) break;
    }
    if (found == nullptr) return false;
    found->interrupted = true;
    function = found->interrupt_function;
    data = found->interrupt_data;
    if (function == nullptr || found->interrupting.load(std::memory_order_relaxed) != 0)
      return true;
    found->interrupter = pthread_self();
    found->interrupting.store(1, std::memory_order_relaxed);
    ++found->references;
  }
  function(found, data);
  std::lock_guard guard(lock_);
  found->interrupting.store(0, std::memory_order_release);
  found->interrupting.notify_all();
  drop(*found);
  return true;
}

// Once this returns nobody uses the old function's data any more, unless it is the old function
// that calls.
void Lane::set_interrupt_function(fuse_req& req, fuse_interrupt_func_t function, void* data) {
  bool call = false;
  bool wait = false;
  {
    std::lock_guard guard(lock_);
    req.interrupt_function = function;
    req.interrupt_data = data;
    call = req.interrupted && function != nullptr;
    wait = req.interrupting.load(std::memory_order_relaxed) != 0 &&
           pthread_equal(req.interrupter, pthread_self()) == 0;
  }
  if (wait) req.interrupting.wait(1, std::memory_order_acquire);
  if (call) function(&req, data);
}

bool Lane::interrupted(fuse_req& req) {
  std::lock_guard guard(lock_);
  return req.interrupted;
}

}  // namespace fuse3
