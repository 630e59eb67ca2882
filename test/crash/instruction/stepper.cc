#include "stepper.h"

#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

namespace fuse3::reconnect {
namespace {

// Tracer and child take turns: on one processor neither has to be woken up on another.
void stay_on_this_processor() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(::sched_getcpu()), &one);
  (void)::sched_setaffinity(0, sizeof one, &one);
}

bool wait_for_stop(pid_t child, int* status) {
  return ::waitpid(child, status, 0) == child && WIFSTOPPED(*status);
}

}  // namespace

Steps single_step(std::span<const std::byte> memory, const std::function<void()>& body,
                  const std::function<bool(const std::vector<std::byte>&)>& changed) {
  Steps steps;
  stay_on_this_processor();
  std::vector<std::byte> last(memory.begin(), memory.end());
  const pid_t child = ::fork();
  if (child < 0) return steps;
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    body();
    ::_exit(0);
  }
  int status = 0;
  bool stopped = wait_for_stop(child, &status);
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_EXITKILL);
  while (stopped) {
    if (::ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) break;
    stopped = wait_for_stop(child, &status);
    if (!stopped || WSTOPSIG(status) != SIGTRAP) break;
    ++steps.instructions;
    if (std::memcmp(last.data(), memory.data(), memory.size()) == 0) continue;
    ++steps.changes;
    std::memcpy(last.data(), memory.data(), memory.size());
    if (!changed(last)) break;
  }
  if (stopped) {
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
  }
  steps.finished = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return steps;
}

}  // namespace fuse3::reconnect
