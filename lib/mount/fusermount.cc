#include "mount/fusermount.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "support/log.h"

#ifndef FUSE3_FUSERMOUNT_DIR
#define FUSE3_FUSERMOUNT_DIR "/usr/bin"
#endif

namespace fuse3 {
namespace {

constexpr char kProgram[] = "fusermount3";
constexpr char kSocketVariable[] = "_FUSE_COMMFD";
constexpr char kProgramVariable[] = "FUSERMOUNT_PROG";

// A program to be run, put together before fork(): after it, nothing may be allocated.
class Command {
 public:
  Command(std::vector<std::string> candidates, std::vector<std::string> arguments)
      : candidates_(std::move(candidates)), arguments_(std::move(arguments)) {
    arguments_.insert(arguments_.begin(), kProgram);
    for (std::string& argument : arguments_) argv_.push_back(argument.data());
    argv_.push_back(nullptr);
    set_environment(-1);
  }
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  // Passes the descriptor on and tells its number; it stays the caller's.
  void set_socket(int socket) {
    socket_ = socket;
    set_environment(socket);
  }

  // In the child. Returns only when nothing could be run, with errno set.
  void exec() {
    if (socket_ >= 0 && fcntl(socket_, F_SETFD, 0) != 0) return;
    int why = ENOENT;
    for (const std::string& candidate : candidates_) {
      execve(candidate.c_str(), argv_.data(), environment_.data());
      if (errno != ENOENT && errno != ENOTDIR) why = errno;
    }
    errno = why;
  }

 private:
  void set_environment(int socket) {
    environment_.clear();
    variable_ = std::string(kSocketVariable) + '=';
    for (char** entry = environ; entry && *entry; ++entry) {
      if (strncmp(*entry, variable_.c_str(), variable_.size()) != 0) environment_.push_back(*entry);
    }
    if (socket >= 0) {
      variable_ += std::to_string(socket);
      environment_.push_back(variable_.data());
    }
    environment_.push_back(nullptr);
  }

  std::vector<std::string> candidates_;
  std::vector<std::string> arguments_;
  std::vector<char*> argv_;
  std::string variable_;
  std::vector<char*> environment_;
  int socket_ = -1;
};

// In the child, or the child's child: why nothing was run, for the process that wants to know.
[[noreturn]] void run_or_report(Command* command, int report) {
  command->exec();
  const int why = errno;
  if (write(report, &why, sizeof why) < 0) _exit(127);
  _exit(127);
}

// Starts the program. Returns its pid, or 0 when it was `detached`: nobody has to wait for it then.
Result<pid_t> start(Command* command, bool detached) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return last_error();
  const UniqueFd report_read(ends[0]);
  UniqueFd report_write(ends[1]);

  const pid_t child = fork();
  if (child < 0) return last_error();
  if (child == 0) {
    if (!detached || fork() == 0) run_or_report(command, report_write.get());
    _exit(0);
  }
  report_write.reset();

  if (detached) {
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  // The pipe closes without a word when the program was run.
  int why = 0;
  ssize_t got;
  do {
    got = read(report_read.get(), &why, sizeof why);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof why) && why > 0) {
    if (!detached) waitpid(child, nullptr, 0);
    log_error("fuse: cannot run %s: %s%s\n", kProgram, strerror(why),
              why == ENOENT ? "; without root, it is needed to mount and unmount" : "");
    return Error{why};
  }
  return detached ? 0 : child;
}

// Success is exit status 0. A program that has SIGCHLD ignored is told nothing and believes it.
Result<void> wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno == ECHILD) return {};
    if (errno != EINTR) return last_error();
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? Result<void>() : Error{EPERM};
}

// The device comes as SCM_RIGHTS beside one byte; the end of the stream means that there is none.
Result<UniqueFd> receive_device(int socket) {
  char byte;
  iovec data = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;

  ssize_t got;
  do {
    got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return last_error();
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (got == 0 || !header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(sizeof(int))) {
    return Error{EPERM};
  }
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return UniqueFd(fd);
}

}  // namespace

std::vector<std::string> fusermount_candidates() {
  const bool believe = getauxval(AT_SECURE) == 0;
  const char* chosen = believe ? getenv(kProgramVariable) : nullptr;
  if (chosen && *chosen == '/') return {chosen};

  std::vector<std::string> result = {std::string(FUSE3_FUSERMOUNT_DIR) + '/' + kProgram};
  const char* search = believe ? getenv("PATH") : nullptr;
  std::string_view rest = search ? search : "";
  while (!rest.empty()) {
    const size_t end = rest.find(':');
    const std::string_view directory = rest.substr(0, end);
    // The working directory is not a place to take such a program from.
    if (directory.starts_with('/')) result.push_back(std::string(directory) + '/' + kProgram);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return result;
}

Result<Mounted> mount_by_fusermount(const std::vector<std::string>& candidates,
                                    const std::string& path, const std::string& option_list,
                                    bool auto_unmount) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return last_error();
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);

  std::vector<std::string> arguments;
  if (!option_list.empty()) arguments = {"-o", option_list};
  arguments.insert(arguments.end(), {"--", path});
  Command command(candidates, arguments);
  command.set_socket(theirs.get());
  // With auto_unmount it runs for as long as the mount is there.
  const Result<pid_t> child = start(&command, auto_unmount);
  if (!child) return child.as_error();
  theirs.reset();

  Result<UniqueFd> device = receive_device(ours.get());
  Mounted mounted;
  if (auto_unmount) {
    mounted.auto_unmount = std::move(ours);
  } else {
    ours.reset();
    const Result<void> ended = wait_for(*child);
    if (device && !ended) return ended.as_error();
  }
  if (!device) {
    log_error("fuse: %s could not mount on %s\n", kProgram, path.c_str());
    return device.as_error();
  }
  mounted.path = path;
  mounted.device = *std::move(device);
  return mounted;
}

Result<void> unmount_by_fusermount(const std::vector<std::string>& candidates,
                                   const std::string& path, bool lazy) {
  Command command(candidates, lazy ? std::vector<std::string>{"-u", "-q", "-z", "--", path}
                                   : std::vector<std::string>{"-u", "--", path});
  const Result<pid_t> child = start(&command, false);
  if (!child) return child.as_error();
  return wait_for(*child);
}

void print_fusermount_version() {
  fflush(stdout);
  Command command(fusermount_candidates(), {"--version"});
  const Result<pid_t> child = start(&command, false);
  if (child) static_cast<void>(wait_for(*child).ok());
}

}  // namespace fuse3
