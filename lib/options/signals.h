// Signals that end a session, and signals that end the process.
#pragma once

struct fuse_session;

namespace fuse3 {

// Called from a signal handler, so it may only do what signal-safety(7) allows.
using ExitFunction = void (*)(fuse_session* session, int signo);

// SIGHUP, SIGINT and SIGTERM call `on_exit`, SIGPIPE is ignored; only signals that still have their
// default action are touched. 0, or -1 after a message to the log, nothing being changed then.
int set_signal_handlers(fuse_session* session, ExitFunction on_exit);

// Signals of a broken program write their name and a backtrace to stderr; then the process dies of
// them as it would have.
int set_fail_signal_handlers(fuse_session* session);

// Undoes both. A session other than the one they were set for is an error that is only logged.
void remove_signal_handlers(fuse_session* session);

}  // namespace fuse3
