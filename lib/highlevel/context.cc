#include "highlevel/context.h"

namespace fuse3 {

ThreadContext& thread_context() {
  static thread_local ThreadContext context;
  return context;
}

}  // namespace fuse3
