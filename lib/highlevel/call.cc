#include "highlevel/call.h"

#include <signal.h>

#include <utility>

#include "support/futex.h"

namespace fuse3 {
namespace {

// The workers of a loop block all signals.
void hear(int number, ThreadContext& context) {
  if (std::exchange(context.heard_signal, number) == number) return;
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, number);
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace

Call::Call(fuse_req_t request)
    : owner(*static_cast<fuse*>(request->session->userdata)),
      req(*request),
      tree(owner.tree),
      fs(*owner.top),
      config(owner.config),
      before_(thread_context()),
      interruptible_(config.intr != 0 && request->seam == request->session->seam.get()) {
  ThreadContext& context = thread_context();
  context.shown.fuse = &owner;
  context.shown.uid = req.context.uid;
  context.shown.gid = req.context.gid;
  context.shown.pid = req.context.pid;
  context.shown.umask = req.context.umask;
  context.request = &req;
  if (!interruptible_) return;
  hear(config.intr_signal, context);
  thread_ = pthread_self();
  req.lane->set_interrupt_function(req, on_interrupt, this);
}

// The request outlives its operation, whether or not it is answered.
Call::~Call() {
  thread_context().shown = before_.shown;
  thread_context().request = before_.request;
  if (!interruptible_) return;
  finished_.store(1, std::memory_order_release);
  futex_wake_all(finished_);
  req.lane->set_interrupt_function(req, nullptr, nullptr);
}

// A signal that comes before the system call that it is to end is lost; so another follows.
void Call::on_interrupt(fuse_req_t, void* data) {
  Call& call = *static_cast<Call*>(data);
  if (pthread_equal(call.thread_, pthread_self()) != 0) return;
  while (call.finished_.load(std::memory_order_acquire) == 0) {
    pthread_kill(call.thread_, call.config.intr_signal);
    const timespec second{1, 0};
    futex_wait(call.finished_, 0, &second);
  }
}

HandlePath::HandlePath(Call& call, uint64_t node, const fuse_file_info* info) : hold_(call.tree) {
  if (info != nullptr && call.config.nullpath_ok != 0) return;
  error_ = hold_.take(node);
  if (error_ == 0) path_ = hold_.path();
}

}  // namespace fuse3
