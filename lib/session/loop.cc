#include "session/session.h"
#include "session/worker.h"

namespace fuse3 {

int run_single_threaded(fuse_session& session) {
  if (const auto ready = session.seam->serving(); !ready) return -ready.error();
  Worker worker(session, 0, nullptr);
  while (!session.exited()) {
    const auto received = worker.receive();
    if (!received) {
      // Unmounting is the normal end.
      if (received.error() != ENODEV) fail_session(session, -received.error());
      break;
    }
    if (received->length > 0) worker.run(*received);
  }
  const int result = session.result.load(std::memory_order_relaxed);
  reset_session(session);
  return result;
}

}  // namespace fuse3
