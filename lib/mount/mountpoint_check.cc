#include "mount/mountpoint_check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "mount/mount_facts.h"
#include "options/mountpoint.h"
#include "support/log.h"
#include "support/unique_fd.h"

namespace fuse3 {
namespace {

constexpr int kPatienceMs = 3000;

struct Outcome {
  int error;
  mode_t type;
};

[[noreturn]] void look_and_tell(const char* path, int pipe_fd) {
  struct stat status;
  Outcome outcome = {0, 0};
  if (stat(path, &status) == 0) {
    outcome.type = status.st_mode & S_IFMT;
  } else {
    outcome.error = errno;
  }
  _exit(write(pipe_fd, &outcome, sizeof outcome) == sizeof outcome ? 0 : 1);
}

// Asks a FUSE filesystem for its root. Whoever asks a dead server may wait for ever and cannot even
// be killed, so that is done by a process nobody waits for.
Result<mode_t> ask_filesystem(const char* path) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return last_error();
  const UniqueFd answer(ends[0]);
  UniqueFd asker(ends[1]);

  const pid_t child = fork();
  if (child < 0) return last_error();
  if (child == 0) {
    if (fork() == 0) look_and_tell(path, asker.get());
    _exit(0);
  }
  asker.reset();
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;

  pollfd wait = {answer.get(), POLLIN, 0};
  int ready;
  do {
    ready = poll(&wait, 1, kPatienceMs);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return Error{ETIMEDOUT};

  Outcome outcome;
  if (read(answer.get(), &outcome, sizeof outcome) != sizeof outcome) return Error{EIO};
  if (outcome.error != 0) return Error{outcome.error};
  return outcome.type;
}

Error explain(const char* mountpoint, int error) {
  switch (error) {
    case ENOENT:
      log_error("fuse: mountpoint %s does not exist\n", mountpoint);
      break;
    case ENOTDIR:
      log_error("fuse: mountpoint %s is not a directory\n", mountpoint);
      break;
    case ENOTCONN:
      log_error(
          "fuse: mountpoint %s: %s. The server of the filesystem mounted there is gone; unmount it "
          "first, with \"fusermount3 -u -z %s\"\n",
          mountpoint, strerror(error), mountpoint);
      break;
    case ETIMEDOUT:
      log_error(
          "fuse: mountpoint %s: the filesystem mounted there does not answer. Unmount it first, "
          "with \"fusermount3 -u -z %s\"\n",
          mountpoint, mountpoint);
      break;
    default:
      log_error("fuse: cannot use mountpoint %s: %s\n", mountpoint, strerror(error));
      break;
  }
  return Error{error};
}

Result<mode_t> type_of(const char* path, const MountFacts& facts) {
  if (facts.mounted && facts.fuse) return ask_filesystem(path);
  struct stat status;
  if (stat(path, &status) != 0) return last_error();
  return status.st_mode & S_IFMT;
}

}  // namespace

Result<MountPlace> check_mountpoint(const char* mountpoint) {
  Result<std::string> path = resolve_mountpoint(mountpoint);
  if (!path) return explain(mountpoint, path.error());
  const MountFacts facts = find_mount(path->c_str());
  const Result<mode_t> type = type_of(path->c_str(), facts);
  if (!type) return explain(mountpoint, type.error());
  if (*type != S_IFDIR && *type != S_IFREG) return explain(mountpoint, ENOTDIR);
  return MountPlace{*std::move(path), *type};
}

}  // namespace fuse3
