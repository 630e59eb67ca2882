#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "keeper_log.h"
#include "support/environment.h"

extern char** environ;

namespace fuse3::keeper {
namespace {

bool has_bit(uint64_t bits, int number) {
  return (bits >> (number - 1) & 1) != 0;
}

void restore_signals(uint64_t mask, uint64_t ignored) {
  sigset_t blocked;
  sigemptyset(&blocked);
  for (int number = 1; number <= 64; ++number) {
    signal(number, has_bit(ignored, number) ? SIG_IGN : SIG_DFL);
    if (has_bit(mask, number)) sigaddset(&blocked, number);
  }
  sigprocmask(SIG_SETMASK, &blocked, nullptr);
}

}  // namespace

Result<pid_t> Program::start(const OwnProcess& own) const {
  pid_t child = fork();
  if (child < 0) return last_error();
  if (child == 0) become(own);
  return child;
}

Result<Program> Program::with_command(std::vector<std::string> command) const {
  if (command.size() < 2) return Error{EINVAL};
  Program other;
  other.executable = std::move(command.front());
  command.erase(command.begin());
  other.arguments = std::move(command);
  other.executable_file.reset(open(other.executable.c_str(), O_PATH | O_CLOEXEC));
  if (!other.executable_file) return last_error();
  if (directory) other.directory.reset(fcntl(directory.get(), F_DUPFD_CLOEXEC, 0));
  other.connection = connection;
  other.ordinal = ordinal;
  other.file_mode_mask = file_mode_mask;
  other.signal_mask = signal_mask;
  other.ignored_signals = ignored_signals;
  return other;
}

// Every descriptor above the standard streams is closed by exec.
void Program::become(const OwnProcess& own) const {
  // A signal for the server's group must not reach the keeper. And with a group in the keeper's
  // session, the keeper's end would leave it orphaned, which is SIGHUP and SIGCONT for a server
  // that is stopped.
  setsid();
  if (directory && fchdir(directory.get()) != 0) {
    say(LOG_ERR, "cannot change to the working directory of %s: %s", executable.c_str(),
        strerror(errno));
    _exit(126);
  }
  const std::string assignment = std::to_string(connection) + ':' + std::to_string(ordinal);
  setenv(kConnectionVariable, assignment.c_str(), 1);
  umask(file_mode_mask);
  own.give_back();
  restore_signals(signal_mask, ignored_signals);
  std::vector<char*> words;
  for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execve(executable.c_str(), words.data(), environ);
  int failed = errno;
  // Removed and not replaced (yet), or by something that is no program: what ran until now will do.
  const bool unusable = failed == ENOENT || failed == EACCES || failed == ENOEXEC;
  if (unusable && executable_file) {
    syscall(SYS_execveat, executable_file.get(), "", words.data(), environ, AT_EMPTY_PATH);
  }
  say(LOG_ERR, "cannot execute %s: %s", executable.c_str(), strerror(failed));
  _exit(127);
}

}  // namespace fuse3::keeper
