#include "options/daemonize.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "support/log.h"
#include "support/unique_fd.h"

namespace fuse3 {
namespace {

ForkHook fork_hook = nullptr;
ParentHook parent_hook = nullptr;

int fail(const char* what) {
  log_error("fuse: cannot go into the background: %s: %s\n", what, strerror(errno));
  return -1;
}

bool streams_to_null() {
  UniqueFd null_device(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null_device) return false;
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // dup2() onto itself would leave the close-on-exec flag on.
    if (null_device.get() == stream) {
      if (fcntl(null_device.release(), F_SETFD, 0) != 0) return false;
      null_device.reset(open("/dev/null", O_RDWR | O_CLOEXEC));
      if (!null_device) return false;
    } else if (dup2(null_device.get(), stream) < 0) {
      return false;
    }
  }
  return true;
}

// Leaves with success once the child has said that it is ready, with failure when it died before.
[[noreturn]] void wait_for_child(int ready_fd, pid_t forked) {
  if (parent_hook) {
    while (waitpid(forked, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  pid_t child = 0;
  ssize_t got;
  do {
    got = recv(ready_fd, &child, sizeof child, 0);
  } while (got < 0 && errno == EINTR);
  const bool ready = got == sizeof child;
  if (ready && parent_hook) parent_hook(child);
  _exit(ready ? EXIT_SUCCESS : EXIT_FAILURE);
}

// A service manager waits for the end of its own children only, and an orphan is one. So when the
// hook hears of the process that goes on, it must be an orphan already.
bool become_orphan() {
  const pid_t child = fork();
  if (child > 0) _exit(EXIT_SUCCESS);
  return child == 0;
}

void wait_for_end(int socket) {
  char byte;
  while (recv(socket, &byte, 1, 0) < 0 && errno == EINTR) continue;
}

int become_child(UniqueFd ready) {
  if (parent_hook && !become_orphan()) return fail("fork");
  if (fork_hook) fork_hook();
  if (setsid() < 0) return fail("setsid");
  if (chdir("/") != 0) return fail("chdir to /");
  if (!streams_to_null()) return fail("/dev/null");

  const pid_t self = getpid();
  ssize_t sent;
  do {
    sent = send(ready.get(), &self, sizeof self, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  // Whether the parent is still there to hear it does not matter.
  if (parent_hook) wait_for_end(ready.get());
  return 0;
}

}  // namespace

void set_daemonize_hook(ForkHook hook) {
  fork_hook = hook;
}

void set_daemonize_parent_hook(ParentHook hook) {
  parent_hook = hook;
}

int daemonize(bool foreground) {
  if (foreground) return chdir("/") == 0 ? 0 : fail("chdir to /");

  // A socket and not a pipe: a parent that was killed must not cost the child its life by SIGPIPE.
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return fail("socketpair");
  UniqueFd ready_read(ends[0]);
  UniqueFd ready_write(ends[1]);
  // In a program without standard streams, the child's end must not be in their place.
  ready_write.reset(fcntl(ready_write.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!ready_write) return fail("fcntl");

  // What is buffered would be written by both processes.
  fflush(stdout);
  fflush(stderr);
  const pid_t child = fork();
  if (child < 0) return fail("fork");
  if (child == 0) {
    ready_read.reset();
    return become_child(std::move(ready_write));
  }
  ready_write.reset();
  wait_for_child(ready_read.get(), child);
}

}  // namespace fuse3
