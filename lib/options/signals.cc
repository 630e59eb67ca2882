#include "options/signals.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <iterator>
#if __has_include(<execinfo.h>)
#include <execinfo.h>
#define FUSE3_HAVE_BACKTRACE 1
#endif

#include "support/log.h"

namespace fuse3 {
namespace {

constexpr int kExitSignals[] = {SIGHUP, SIGINT, SIGTERM};
constexpr int kIgnoredSignals[] = {SIGPIPE};
constexpr int kFailSignals[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV};

// Read by the handlers. The session is set before the first handler is installed and cleared after
// the last one is gone.
std::atomic<fuse_session*> handled_session{nullptr};
std::atomic<ExitFunction> exit_function{nullptr};
static_assert(std::atomic<fuse_session*>::is_always_lock_free);

void handle_exit(int signo) {
  const int saved_errno = errno;
  const ExitFunction on_exit = exit_function.load();
  fuse_session* session = handled_session.load();
  if (on_exit && session) on_exit(session, signo);
  errno = saved_errno;
}

void write_stderr(const char* text) {
  // Nothing can be done about a failure here.
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

// The log is not used: its function may take locks or memory, and a dying server that hangs
// instead of dying is the one thing a successor cannot help.
void handle_failure(int signo) {
  write_stderr("fuse: died of ");
  write_stderr(sigabbrev_np(signo) ? sigabbrev_np(signo) : "a signal");
  write_stderr("\n");
#ifdef FUSE3_HAVE_BACKTRACE
  void* frames[64];
  backtrace_symbols_fd(frames, backtrace(frames, std::size(frames)), STDERR_FILENO);
#endif
  // Blocked until this handler returns, then fatal.
  signal(signo, SIG_DFL);
  raise(signo);
}

// Which signals have an action of ours; SIG_IGN alone would not tell whose it is.
bool replaced[NSIG];

bool replace(int signo, void (*from)(int), void (*to)(int)) {
  struct sigaction now;
  if (sigaction(signo, nullptr, &now) != 0) return false;
  if (now.sa_handler != from) return true;

  struct sigaction wanted = {};
  // No SA_RESTART: a loop waiting in read(2) has to see EINTR.
  wanted.sa_handler = to;
  sigemptyset(&wanted.sa_mask);
  if (sigaction(signo, &wanted, nullptr) != 0) return false;
  replaced[signo] = to != SIG_DFL;
  return true;
}

template <size_t N>
bool replace_all(const int (&signals)[N], void (*from)(int), void (*to)(int)) {
  bool ok = true;
  for (const int signo : signals) ok = replace(signo, from, to) && ok;
  return ok;
}

// One session may have handlers; the same one may have both kinds.
bool claim(fuse_session* session) {
  fuse_session* none = nullptr;
  return handled_session.compare_exchange_strong(none, session) || none == session;
}

void restore_defaults() {
  replace_all(kExitSignals, handle_exit, SIG_DFL);
  for (const int signo : kIgnoredSignals) {
    if (replaced[signo]) replace(signo, SIG_IGN, SIG_DFL);
  }
  replace_all(kFailSignals, handle_failure, SIG_DFL);
  exit_function.store(nullptr);
  handled_session.store(nullptr);
}

int fail_to_set() {
  log_error("fuse: cannot set signal handlers: %s\n", strerror(errno));
  restore_defaults();
  return -1;
}

}  // namespace

int set_signal_handlers(fuse_session* session, ExitFunction on_exit) {
  if (!claim(session)) {
    log_error("fuse: another session of this process has the signal handlers already\n");
    return -1;
  }
  exit_function.store(on_exit);
  if (replace_all(kExitSignals, SIG_DFL, handle_exit) &&
      replace_all(kIgnoredSignals, SIG_DFL, SIG_IGN)) {
    return 0;
  }
  return fail_to_set();
}

int set_fail_signal_handlers(fuse_session* session) {
  if (!claim(session)) {
    log_error("fuse: another session of this process has the signal handlers already\n");
    return -1;
  }
#ifdef FUSE3_HAVE_BACKTRACE
  // The first call loads a library, which a handler could not.
  void* frame;
  backtrace(&frame, 1);
#endif
  return replace_all(kFailSignals, SIG_DFL, handle_failure) ? 0 : fail_to_set();
}

void remove_signal_handlers(fuse_session* session) {
  if (handled_session.load() != session) {
    log_error("fuse: the signal handlers to be removed belong to another session, or to none\n");
    return;
  }
  restore_defaults();
}

}  // namespace fuse3
