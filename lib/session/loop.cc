#include "session/session.h"
#include "session/worker.h"

namespace fuse3 {
namespace {

void serve_until_exit(fuse_session& session) {
  // Whoever keeps the connection for another server may want the thread back while it waits.
  Waiting* waiting = session.seam->outlives_server() ? &session.loop_thread.waiting() : nullptr;
  Worker worker(session, 0, waiting);
  while (!session.exited()) {
    const auto received = worker.receive();
    if (!received) {
      // Unmounting is the normal end.
      if (received.error() == ENODEV) return exit_session(session);
      return fail_session(session, -received.error());
    }
    if (received->length > 0) worker.run(*received);
  }
}

}  // namespace

int run_single_threaded(fuse_session& session) {
  if (const auto ready = session.seam->serving(); !ready) return -ready.error();
  session.loop_thread.enter();
  do {
    serve_until_exit(session);
  } while (loop_goes_on(session));
  session.loop_thread.leave();
  const int result = session.result.load(std::memory_order_relaxed);
  reset_session(session);
  return result;
}

}  // namespace fuse3
