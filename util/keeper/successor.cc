// The keeper's part that starts servers and judges how they ended.
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper.h"
#include "keeper_log.h"

namespace fuse3::keeper {

void Keeper::start_successor(Time now) {
  if (upgrade_ && !may_start_upgraded()) return;
  Result<pid_t> child = program_.start(*own_);
  last_start_ = now;
  if (!child) {
    say(LOG_ERR, "cannot start a process: %s", strerror(child.error()));
    policy_.ended(now, EndKind::kKilled);
    return;
  }
  pending_child_ = last_child_ = *child;
  last_status_.reset();
}

// A process that we started has ended without having asked for the connection.
void Keeper::pending_child_ended(Time now) {
  bool well = last_status_ && WIFEXITED(*last_status_) && WEXITSTATUS(*last_status_) == 0;
  policy_.ended(now, well ? EndKind::kBackground : kind_of_child_end(now));
}

// Being killed is no failure to start: whoever does that does it to a program that works.
EndKind Keeper::kind_of_child_end(Time now) const {
  bool quick = last_status_ && now - last_start_ <= RestartPolicy::kQuick;
  if (!quick) return EndKind::kKilled;
  bool killed = WIFSIGNALED(*last_status_) && WTERMSIG(*last_status_) == SIGKILL;
  return killed ? EndKind::kKilled : EndKind::kFailed;
}

std::string Keeper::last_end() const {
  if (!last_status_) return {};
  if (WIFSIGNALED(*last_status_)) {
    return "; the last one was killed by signal " + std::to_string(WTERMSIG(*last_status_));
  }
  return "; the last one ended with status " + std::to_string(WEXITSTATUS(*last_status_));
}

// At the end of all tries: a process that we started and that never got so far, and a server that
// took the connection and never came to its loop, would only hold on to what is being let go.
void Keeper::end_unready_server() {
  // One that has no group of its own yet has no processes of its own either.
  if (pending_child_ != 0 && kill(-pending_child_, SIGTERM) != 0) kill(pending_child_, SIGTERM);
  if (server_.process && !server_.in_loop) {
    syscall(SYS_pidfd_send_signal, server_.process.get(), SIGKILL, nullptr, 0);
  }
}

}  // namespace fuse3::keeper
