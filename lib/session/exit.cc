#include "session/exit.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

#include "session/session.h"

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
  ::syscall(SYS_futex, &exit_word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

void fuse_session::monitor_sleep(uint32_t seen, const timespec* timeout) {
  ::syscall(SYS_futex, &exit_word, FUTEX_WAIT_PRIVATE, seen, timeout, nullptr, 0);
}
