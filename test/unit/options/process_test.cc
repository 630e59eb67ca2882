// What changes the process: signal handlers, going into the background, where messages go.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

#include "options/daemonize.h"
#include "options/signals.h"
#include "support/log.h"
#include "support/unique_fd.h"

namespace fuse3 {
namespace {

// Runs `body` in a child whose stderr goes to a pipe; its wait status and what it wrote.
int in_child(const std::function<int()>& body, std::string* errors = nullptr) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    dup2(write_end.get(), STDERR_FILENO);
    _exit(body());
  }
  write_end.reset();
  std::string text;
  char chunk[1024];
  for (ssize_t got; (got = read(read_end.get(), chunk, sizeof chunk)) > 0;) {
    text.append(chunk, static_cast<size_t>(got));
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  if (errors) *errors = text;
  return status;
}

fuse_session* session(uintptr_t number) {
  return reinterpret_cast<fuse_session*>(number);
}

fuse_session* exited_session;
int exit_signal;
void note_exit(fuse_session* which, int signo) {
  exited_session = which;
  exit_signal = signo;
}

void (*handler_of(int signo))(int) {
  struct sigaction action = {};
  sigaction(signo, nullptr, &action);
  return action.sa_handler;
}

class Signals : public testing::Test {
 protected:
  void SetUp() override {
    set_log_function([](fuse_log_level, const char*, va_list) {});
    for (const int signo : {SIGHUP, SIGINT, SIGTERM, SIGPIPE}) signal(signo, SIG_DFL);
    exited_session = nullptr;
    exit_signal = 0;
  }
  void TearDown() override {
    for (const int signo : {SIGHUP, SIGINT, SIGTERM, SIGPIPE}) signal(signo, SIG_DFL);
    set_log_function(nullptr);
  }
};

TEST_F(Signals, EndTheSession) {
  ASSERT_EQ(set_signal_handlers(session(1), note_exit), 0);
  for (const int signo : {SIGHUP, SIGINT, SIGTERM}) {
    exited_session = nullptr;
    raise(signo);
    EXPECT_EQ(exited_session, session(1));
    EXPECT_EQ(exit_signal, signo);
  }
  raise(SIGPIPE);
  remove_signal_handlers(session(1));
  for (const int signo : {SIGHUP, SIGINT, SIGTERM, SIGPIPE}) EXPECT_EQ(handler_of(signo), SIG_DFL);
}

TEST_F(Signals, LeaveTheProgramsOwnHandlersAlone) {
  const auto own = [](int) {};
  void (*own_handler)(int) = own;
  signal(SIGHUP, SIG_IGN);
  signal(SIGINT, own_handler);
  signal(SIGPIPE, SIG_IGN);
  ASSERT_EQ(set_signal_handlers(session(1), note_exit), 0);
  EXPECT_EQ(handler_of(SIGHUP), SIG_IGN);
  EXPECT_EQ(handler_of(SIGINT), own_handler);
  remove_signal_handlers(session(1));
  EXPECT_EQ(handler_of(SIGHUP), SIG_IGN);
  EXPECT_EQ(handler_of(SIGINT), own_handler);
  EXPECT_EQ(handler_of(SIGPIPE), SIG_IGN);
  EXPECT_EQ(handler_of(SIGTERM), SIG_DFL);
}

TEST_F(Signals, BelongToOneSession) {
  ASSERT_EQ(set_signal_handlers(session(1), note_exit), 0);
  EXPECT_EQ(set_signal_handlers(session(2), note_exit), -1);
  remove_signal_handlers(session(2));
  raise(SIGTERM);
  EXPECT_EQ(exited_session, session(1));
  remove_signal_handlers(session(1));
  ASSERT_EQ(set_signal_handlers(session(2), note_exit), 0);
  raise(SIGTERM);
  EXPECT_EQ(exited_session, session(2));
  remove_signal_handlers(session(2));
}

TEST_F(Signals, InterruptAWaitingRead) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  const int status = in_child([&] {
    if (set_signal_handlers(session(1), note_exit) != 0) return 1;
    const pid_t reader = getpid();
    if (fork() == 0) {
      usleep(100 * 1000);
      kill(reader, SIGTERM);
      _exit(0);
    }
    char byte;
    return read(read_end.get(), &byte, 1) == -1 && errno == EINTR && exit_signal == SIGTERM ? 0 : 2;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(Signals, ABrokenProgramDiesOfItsSignalWithAMessage) {
  for (const int signo : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) {
    std::string errors;
    const int status = in_child(
        [signo] {
          for (const int each : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) {
            signal(each, SIG_DFL);
          }
          if (set_fail_signal_handlers(session(1)) != 0) return 1;
          raise(signo);
          return 2;
        },
        &errors);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signo) << strsignal(signo);
    EXPECT_NE(errors.find(sigabbrev_np(signo)), std::string::npos) << errors;
  }
}

TEST_F(Signals, BothKindsForOneSession) {
  const int status = in_child([] {
    signal(SIGSEGV, SIG_DFL);
    if (set_signal_handlers(session(1), note_exit) != 0) return 1;
    if (set_fail_signal_handlers(session(1)) != 0) return 2;
    if (set_fail_signal_handlers(session(2)) == 0) return 3;
    if (handler_of(SIGSEGV) == SIG_DFL) return 4;
    remove_signal_handlers(session(1));
    return handler_of(SIGSEGV) == SIG_DFL ? 0 : 5;
  });
  EXPECT_EQ(status, 0);
}

TEST(Daemonize, InTheForegroundOnlyTheDirectoryChanges) {
  const int status = in_child([] {
    const pid_t before = getpid();
    if (chdir("/tmp") != 0 || daemonize(true) != 0) return 1;
    char where[8];
    return getpid() == before && getcwd(where, sizeof where) && strcmp(where, "/") == 0 ? 0 : 2;
  });
  EXPECT_EQ(status, 0);
}

// What the daemon sees, written to a pipe that outlives the parent.
struct Seen {
  pid_t pid;
  pid_t session;
  pid_t hook_pid;
  char directory[8];
  char streams[3][16];
};
pid_t hook_pid;

TEST(Daemonize, TheChildGoesOnAlone) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const int status = in_child([&] {
    set_daemonize_hook([] { hook_pid = getpid(); });
    if (daemonize(false) != 0) return 1;
    Seen seen = {getpid(), getsid(0), hook_pid, {}, {}};
    if (!getcwd(seen.directory, sizeof seen.directory)) return 2;
    for (int i = 0; i < 3; ++i) {
      const std::string link = "/proc/self/fd/" + std::to_string(i);
      if (readlink(link.c_str(), seen.streams[i], sizeof seen.streams[i] - 1) < 0) return 3;
    }
    return write(write_end.get(), &seen, sizeof seen) == sizeof seen ? 0 : 4;
  });
  write_end.reset();
  EXPECT_EQ(status, 0);
  Seen seen;
  ASSERT_EQ(read(read_end.get(), &seen, sizeof seen), static_cast<ssize_t>(sizeof seen));
  EXPECT_EQ(seen.session, seen.pid);
  EXPECT_EQ(seen.hook_pid, seen.pid);
  EXPECT_STREQ(seen.directory, "/");
  for (const auto& stream : seen.streams) EXPECT_STREQ(stream, "/dev/null");
}

TEST(Daemonize, WorksWithoutStandardStreams) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  // Out of the way of the streams.
  write_end.reset(fcntl(write_end.get(), F_DUPFD_CLOEXEC, 50));
  const int status = in_child([&] {
    for (int i = 0; i < 3; ++i) close(i);
    if (daemonize(false) != 0) return 1;
    char good = 'y';
    for (int i = 0; i < 3; ++i) {
      char target[16] = {};
      const std::string link = "/proc/self/fd/" + std::to_string(i);
      if (readlink(link.c_str(), target, sizeof target - 1) < 0) good = 'n';
      if (strcmp(target, "/dev/null") != 0 || fcntl(i, F_GETFD) != 0) good = 'n';
    }
    return write(write_end.get(), &good, 1) == 1 ? 0 : 2;
  });
  write_end.reset();
  EXPECT_EQ(status, 0);
  char good = 0;
  ASSERT_EQ(read(read_end.get(), &good, 1), 1);
  EXPECT_EQ(good, 'y');
}

int hook_pipe;

// The child goes on after the parent's hook, and is an orphan when that runs.
TEST(Daemonize, TheParentsHookKnowsWhoGoesOn) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  hook_pipe = write_end.get();
  const int status = in_child([] {
    set_daemonize_parent_hook([](pid_t child) {
      if (waitpid(child, nullptr, WNOHANG) >= 0) child = -1;
      if (write(hook_pipe, &child, sizeof child) < 0) _exit(2);
    });
    if (daemonize(false) != 0) return 1;
    const pid_t self = getpid();
    return write(hook_pipe, &self, sizeof self) < 0 ? 3 : 0;
  });
  write_end.reset();
  EXPECT_EQ(status, 0);
  pid_t told = 0, goes_on = 0;
  ASSERT_EQ(read(read_end.get(), &told, sizeof told), static_cast<ssize_t>(sizeof told));
  ASSERT_EQ(read(read_end.get(), &goes_on, sizeof goes_on), static_cast<ssize_t>(sizeof goes_on));
  EXPECT_GT(told, 0);
  EXPECT_EQ(told, goes_on);
}

TEST(Daemonize, TheParentReportsAChildThatDied) {
  const int status = in_child([] {
    set_daemonize_hook([] { _exit(0); });
    return daemonize(false);
  });
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), EXIT_FAILURE);
}

std::string logged;
int logged_level;

void collect(fuse_log_level level, const char* format, va_list args) {
  char text[256];
  vsnprintf(text, sizeof text, format, args);
  logged += text;
  logged_level = level;
}

TEST(Log, GoesToTheFunctionAndBackToStderr) {
  logged.clear();
  set_log_function(collect);
  log(FUSE_LOG_WARNING, "number %d\n", 7);
  EXPECT_EQ(logged, "number 7\n");
  EXPECT_EQ(logged_level, FUSE_LOG_WARNING);
  log_error("%s", "no newline");
  EXPECT_EQ(logged, "number 7\nno newline\n");
  EXPECT_EQ(logged_level, FUSE_LOG_ERR);
  set_log_function(nullptr);

  std::string errors;
  in_child(
      [] {
        log_error("to stderr %d", 1);
        return 0;
      },
      &errors);
  EXPECT_EQ(errors, "to stderr 1\n");
  EXPECT_EQ(logged, "number 7\nno newline\n");
}

TEST(Log, LeavesErrnoAlone) {
  set_log_function([](fuse_log_level, const char*, va_list) { errno = ENOENT; });
  errno = EBUSY;
  log_error("x\n");
  EXPECT_EQ(errno, EBUSY);
  set_log_function(nullptr);
}

TEST(Log, SyslogTakesTheIdentAlong) {
  std::string errors;
  in_child(
      [] {
        char ident[] = "someone";
        enable_syslog(ident, LOG_PERROR, LOG_USER);
        memset(ident, 'X', sizeof ident - 1);
        log_error("first\n");
        close_syslog();
        log_error("second\n");
        return 0;
      },
      &errors);
  EXPECT_NE(errors.find("someone: first"), std::string::npos) << errors;
  EXPECT_NE(errors.find("\nsecond\n"), std::string::npos) << errors;
}

}  // namespace
}  // namespace fuse3
