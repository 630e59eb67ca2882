// The end of a loop that another server is to take over from.
#include "session/session.h"
#include "session/worker.h"

namespace fuse3 {
namespace {

constexpr unsigned kFinishWithinMs = 5000;

}  // namespace

bool loop_goes_on(fuse_session& session) {
  // It was called off in the meantime.
  if (!session.exited()) return true;
  // A signal or an error comes before that.
  if (!session.seam->leaving() || session.result.load(std::memory_order_relaxed) != 0) {
    return false;
  }
  {
    Worker worker(session, 0, nullptr);
    while (session.seam->has_pending()) {
      const auto received = worker.receive();
      if (!received) break;
      if (received->length > 0) worker.run(*received);
    }
  }
  if (session.seam->leave(kFinishWithinMs)) return false;
  reset_session(session);
  return true;
}

}  // namespace fuse3
