#include "reconnect/holder/spawn.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reconnect/holder/protocol.h"

#if __has_include("reconnect/holder/keeper_path.h")
#include "reconnect/holder/keeper_path.h"  // FUSE_KEEPER_PATH, from the build
#endif

namespace fuse3::reconnect {
namespace {

// The folder of the file that this code was loaded from: the shared library, or a program that has
// it linked in.
std::string own_folder() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&find_keeper), &info) == 0 || info.dli_fname == nullptr) {
    return {};
  }
  char* resolved = realpath(info.dli_fname, nullptr);
  if (resolved == nullptr) return {};
  std::string path(resolved);
  free(resolved);
  return path.substr(0, path.rfind('/'));
}

// A child in a copy of this process. Its end raises no signal here, wait() does not see it, and no
// fork handler of the program runs.
pid_t quiet_fork() {
  return static_cast<pid_t>(syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L));
}

struct Launch {
  const char* path;
  char** arguments;
  char** environment;
  int link;
};

// Both run in copies of a process that may be threaded: system calls only, no allocation.
[[noreturn]] void become_keeper(const Launch& launch) {
  bool ready = launch.link == kKeeperLinkFd ? fcntl(launch.link, F_SETFD, 0) == 0
                                            : dup2(launch.link, kKeeperLinkFd) >= 0;
  if (ready) execve(launch.path, launch.arguments, launch.environment);
  auto failed = make_message<RefusedMessage>();
  failed.reason = Refusal::kNotStarted;
  failed.number = errno;
  (void)send_message(launch.link, failed, {}, MSG_DONTWAIT).ok();
  _exit(127);
}

[[noreturn]] void become_intermediate(const Launch& launch) {
  setsid();
  pid_t child = quiet_fork();
  if (child == 0) become_keeper(launch);
  _exit(child < 0 ? errno : 0);
}

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& s : strings) pointers.push_back(const_cast<char*>(s.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Result<std::string> find_keeper(std::string* tried) {
  std::vector<std::string> candidates;
  const char* wanted = secure_getenv("FUSE_KEEPER");
  if (wanted != nullptr && *wanted != 0) {
    candidates.emplace_back(wanted);
  } else {
    std::string folder = own_folder();
    if (!folder.empty()) {
      // The build folder, where libfuse3.so.3 is one level further down.
      candidates.push_back(folder + "/../util/keeper/fuse-keeper");
      candidates.push_back(folder + "/../../util/keeper/fuse-keeper");
    }
#ifdef FUSE_KEEPER_PATH
    candidates.emplace_back(FUSE_KEEPER_PATH);
#endif
    if (!folder.empty()) {
      candidates.push_back(folder + "/../libexec/fuse3/fuse-keeper");
      candidates.push_back(folder + "/../../libexec/fuse3/fuse-keeper");
    }
  }
  for (const std::string& path : candidates) {
    if (access(path.c_str(), X_OK) == 0) return path;
    *tried += (tried->empty() ? "" : ", ") + path;
  }
  return Error{ENOENT};
}

Result<void> spawn_keeper(const std::string& keeper, const ServerImage& image, int link) {
  std::vector<std::string> arguments = {"fuse-keeper", image.executable, "--"};
  arguments.insert(arguments.end(), image.arguments.begin(), image.arguments.end());
  std::vector<char*> argument_pointers = pointers_to(arguments);
  std::vector<char*> environment_pointers = pointers_to(image.environment);
  Launch launch{keeper.c_str(), argument_pointers.data(), environment_pointers.data(), link};

  // No handler of the program may run in the copies.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t intermediate = quiet_fork();
  if (intermediate == 0) become_intermediate(launch);
  Error failed = last_error();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (intermediate < 0) return failed;

  int status = 0;
  pid_t waited;
  do {
    waited = waitpid(intermediate, &status, __WALL);
  } while (waited < 0 && errno == EINTR);
  if (waited == intermediate && WIFEXITED(status) && WEXITSTATUS(status) != 0) {
    return Error{WEXITSTATUS(status)};
  }
  return {};
}

}  // namespace fuse3::reconnect
