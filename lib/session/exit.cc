#include "session/exit.h"

#include <cerrno>

#include "session/session.h"
#include "support/futex.h"

namespace fuse3 {

void exit_session(fuse_session& session) {
  const int saved = errno;
  session.exit_word.fetch_or(1, std::memory_order_seq_cst);
  session.wake_monitor();
  errno = saved;
}

void reset_session(fuse_session& session) {
  session.exit_word.fetch_and(~1u, std::memory_order_seq_cst);
  session.result.store(0, std::memory_order_relaxed);
}

void fail_session(fuse_session& session, int result) {
  int none = 0;
  session.result.compare_exchange_strong(none, result, std::memory_order_relaxed);
  exit_session(session);
}

void session_exit_from_signal(fuse_session* session, int signo) { fail_session(*session, signo); }

}  // namespace fuse3

void fuse_session::wake_monitor() {
  exit_word.fetch_add(2, std::memory_order_seq_cst);
  fuse3::futex_wake_all(exit_word);
}

void fuse_session::monitor_sleep(uint32_t seen, const timespec* timeout) {
  fuse3::futex_wait(exit_word, seen, timeout);
}
