#include "own_process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "keeper_log.h"

namespace fuse3::keeper {
namespace {

constexpr const char* kOomFile = "/proc/self/oom_score_adj";
constexpr const char* kOomScore = "-900";

std::string read_short_file(const char* path) {
  UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
  char text[32];
  ssize_t length = file ? read(file.get(), text, sizeof text) : -1;
  return length > 0 ? std::string(text, static_cast<size_t>(length)) : std::string();
}

bool write_short_file(const char* path, const std::string& text) {
  UniqueFd file(open(path, O_WRONLY | O_CLOEXEC));
  return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

void close_from(unsigned first) {
  if (syscall(SYS_close_range, first, ~0U, 0U) == 0) return;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  for (rlim_t fd = first; fd < limit.rlim_cur; ++fd) close(static_cast<int>(fd));
}

// SIGTERM is taken: it says that the system, or the unit, is being stopped, and then nothing must
// be started any more. The others are keys pressed for the server, or a terminal that went away.
UniqueFd take_signals() {
  sigset_t taken;
  sigemptyset(&taken);
  sigaddset(&taken, SIGTERM);
  sigaddset(&taken, SIGCHLD);
  signal(SIGTERM, SIG_DFL);
  signal(SIGCHLD, SIG_DFL);
  for (int number :
       {SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2}) {
    signal(number, SIG_IGN);
  }
  sigprocmask(SIG_SETMASK, &taken, nullptr);
  return UniqueFd(signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

OwnProcess::OwnProcess(int link) {
  for (int fd = 0; fd <= 2; ++fd) {
    was_closed_[fd] = fcntl(fd, F_GETFD) < 0;
    // The lowest free number is this one.
    if (was_closed_[fd] && open("/dev/null", O_RDWR) != fd) abort();
  }
  if (was_closed_[STDERR_FILENO]) use_syslog();
  close_from(static_cast<unsigned>(link) + 1);
  fcntl(link, F_SETFD, FD_CLOEXEC);
  signals_ = take_signals();
  if (chdir("/") != 0) say(LOG_WARNING, "cannot change to /");
  umask(077);
  prctl(PR_SET_NAME, "fuse-keeper");
  // A server that goes into the background is still ours to wait for: how it ended tells a crash
  // from being killed.
  prctl(PR_SET_CHILD_SUBREAPER, 1);

  std::string score = read_short_file(kOomFile);
  bool worse = atoi(score.c_str()) > atoi(kOomScore);
  if (!score.empty() && worse && write_short_file(kOomFile, kOomScore)) oom_score_ = score;

  getrlimit(RLIMIT_NOFILE, &open_files_);
  rlimit raised{open_files_.rlim_max, open_files_.rlim_max};
  setrlimit(RLIMIT_NOFILE, &raised);
}

void OwnProcess::point_streams_to_null() {
  use_syslog();
  UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return;
  for (int fd = 0; fd <= 2; ++fd) {
    dup2(null.get(), fd);
    was_closed_[fd] = false;
  }
}

void OwnProcess::give_back() const {
  setrlimit(RLIMIT_NOFILE, &open_files_);
  if (!oom_score_.empty()) write_short_file(kOomFile, oom_score_);
  for (int fd = 0; fd <= 2; ++fd) {
    if (was_closed_[fd]) close(fd);
  }
}

}  // namespace fuse3::keeper
