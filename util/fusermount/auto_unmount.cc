#include "auto_unmount.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "mounting.h"

namespace fuse3::fusermount {
namespace {

// A process that ends closes its descriptors one after the other, and of several processes one is
// the last, so the device may live a little longer than the socket.
constexpr int kTries = 50;
constexpr int kPauseMs = 100;
constexpr int kPatienceMs = 5000;

// Others may wait for the end of a pipe that this process was started with.
void let_go_of_everything_but(int socket) {
  const int null_device = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= 2; ++fd) {
    if (fd != socket && null_device >= 0) dup2(null_device, fd);
  }
  const unsigned kept = socket > 2 ? static_cast<unsigned>(socket) : 2;
  if (kept > 3) syscall(SYS_close_range, 3U, kept - 1, 0U);
  syscall(SYS_close_range, kept + 1, ~0U, 0U);
}

void wait_for_end(int socket) {
  char dropped[16];
  for (;;) {
    const ssize_t got = read(socket, dropped, sizeof dropped);
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return;
    if (got < 0 && errno == EAGAIN) {
      pollfd ready = {socket, POLLIN, 0};
      poll(&ready, 1, -1);
    }
  }
}

enum class Server { kGone, kAnswers, kSilent };

// The kernel's words for a connection that has ended. EIO may also be a server's that was killed
// while it took the question, of several that serve the mount.
bool says_gone(int error) {
  return error == ENOTCONN || error == ECONNABORTED;
}

// Asks the filesystem something, as the user who mounted it: others may not even ask. Whoever asks
// a stopped server waits for it, so that is done by a process that can be killed.
Server ask(int place) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Server::kSilent;
  const UniqueFd done(ends[0]);
  UniqueFd asker(ends[1]);
  const pid_t child = fork();
  if (child < 0) return Server::kSilent;
  if (child == 0) {
    struct statfs filesystem;
    _exit(fstatfs(place, &filesystem) != 0 && says_gone(errno) ? 1 : 0);
  }
  asker.reset();
  pollfd end = {done.get(), POLLIN, 0};
  if (poll(&end, 1, kPatienceMs) != 1) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (!WIFEXITED(status)) return Server::kSilent;
  return WEXITSTATUS(status) == 1 ? Server::kGone : Server::kAnswers;
}

enum class Outcome { kOver, kStays, kUnknown };

// Takes the mount away if nobody serves it. Nothing of it is open on return: that would be in the
// way of whoever unmounts it.
Outcome try_to_end(const Remembered& mounted) {
  const Result<OwnMount> mount = find_again(mounted);
  if (!mount) return mount.error() == ENOENT ? Outcome::kOver : Outcome::kStays;
  const Server server = ask(mount->place.get());
  if (server == Server::kGone && detach(*mount).ok()) return Outcome::kOver;
  return server == Server::kSilent ? Outcome::kUnknown : Outcome::kStays;
}

}  // namespace

void watch(int socket, const Remembered& mounted) {
  setsid();
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  signal(SIGCHLD, SIG_DFL);
  let_go_of_everything_but(socket);
  if (chdir("/") != 0) return;
  wait_for_end(socket);

  for (int tries = 0; tries < kTries;) {
    const Outcome outcome = try_to_end(mounted);
    if (outcome == Outcome::kOver) return;
    // Whoever has the device and is silent may be stopped, or take long to end.
    if (outcome == Outcome::kStays) ++tries;
    poll(nullptr, 0, kPauseMs);
  }
}

}  // namespace fuse3::fusermount
