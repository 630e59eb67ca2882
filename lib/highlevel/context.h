// What fuse_get_context() shows: who asked for the operation that this thread runs, and the data of
// the layer that is running. It is the thread's own and made with it.
#pragma once

#include "fuse.h"

struct fuse_req;

namespace fuse3 {

struct ThreadContext {
  fuse_context shown{};
  fuse_req* request = nullptr;  // in hand; null outside of operations
  int heard_signal = 0;         // with `intr`: it is not blocked in this thread
};

ThreadContext& thread_context();

// Shows a layer's data for as long as it lives, and then again what was shown before: a module may
// ask for its own data after it has called the layer below.
class LayerContext {
 public:
  explicit LayerContext(void* user_data)
      : context_(thread_context().shown), before_(context_.private_data) {
    context_.private_data = user_data;
  }
  ~LayerContext() { context_.private_data = before_; }
  LayerContext(const LayerContext&) = delete;
  LayerContext& operator=(const LayerContext&) = delete;

 private:
  fuse_context& context_;
  void* before_;
};

}  // namespace fuse3
