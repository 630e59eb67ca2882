// A server without a mount, for the tests of the keeper: it starts a keeper or attaches to one, and
// does what a file tells each incarnation to do.
//
//   fake_server DIRECTORY CONNECTION DEVICES FIRST_DEVICE_FD
//
// DIRECTORY is the runtime directory. It also holds `behaviour`, which words there are for
// incarnations (below), and `log`, to which each incarnation adds a line once it serves. Device 0
// is the inherited descriptor; the others are memfds that contain their index. Signals: USR1
// goodbye, USR2 one more device, HUP detach.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "reconnect/holder/holder_link.h"

namespace {

using namespace fuse3;
using namespace fuse3::reconnect;

struct Server {
  std::string directory_path;
  UniqueFd directory;
  unsigned connection = 0;
  std::unique_ptr<HolderLink> link;
  UniqueFd state;
  std::vector<UniqueFd> devices;
  bool attached = false;
  pid_t previous = 0;
  int generation = 0;

  HolderSetup describe() const {
    const char* timeout = getenv("FAKE_TIMEOUT");
    HolderSetup setup{directory.get(), directory_path, connection, state.get(), {}, -1, 3};
    if (timeout != nullptr) setup.timeout_seconds = static_cast<unsigned>(atoi(timeout));
    for (const UniqueFd& d : devices) setup.devices.push_back(d.get());
    return setup;
  }
};

std::string word_from(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

UniqueFd make_device(size_t index) {
  UniqueFd fd(memfd_create("device", MFD_CLOEXEC));
  std::string text = std::to_string(index);
  if (pwrite(fd.get(), text.data(), text.size(), 0) < 0) abort();
  return fd;
}

// How many devices are the ones that they should be.
size_t sound_devices(const Server& server) {
  size_t sound = server.devices.empty() || !server.devices[0] ? 0 : 1;
  for (size_t i = 1; i < server.devices.size(); ++i) {
    char text[16] = {};
    bool read = pread(server.devices[i].get(), text, sizeof text - 1, 0) > 0;
    sound += read && std::to_string(i) == text ? 1 : 0;
  }
  return sound;
}

int begin(Server* server, int argc, char** argv) {
  std::string mark = server->directory_path + "/mounted";
  if (access(mark.c_str(), F_OK) == 0) {
    std::string why;
    Result<Attached> got = HolderLink::attach(server->directory.get(), server->connection, &why);
    if (!got) {
      fprintf(stderr, "attach: %d: %s\n", got.error(), why.c_str());
      return got.error() == EBUSY ? 16 : 3;
    }
    server->link.reset(static_cast<HolderLink*>(got->holder.release()));
    server->state = std::move(got->state);
    server->devices = std::move(got->devices);
    server->previous = got->previous_pid;
    server->attached = true;
    if (pread(server->state.get(), &server->generation, sizeof(int), 0) != sizeof(int)) return 4;
  } else {
    if (argc < 5) return 5;
    server->state.reset(openat(server->directory.get(), state_name(server->connection).c_str(),
                               O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    for (size_t i = 0; i < strtoul(argv[3], nullptr, 10); ++i) {
      server->devices.push_back(i == 0 ? UniqueFd(atoi(argv[4])) : make_device(i));
    }
    if (!server->devices.empty()) fcntl(server->devices[0].get(), F_SETFD, FD_CLOEXEC);
    Result<std::unique_ptr<HolderLink>> link = HolderLink::start(server->describe());
    if (!link) return 6;
    server->link = std::move(*link);
    std::ofstream(mark) << getpid();
  }
  ++server->generation;
  return pwrite(server->state.get(), &server->generation, sizeof(int), 0) == sizeof(int) ? 0 : 7;
}

std::string line_with(const char* path, const char* label) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind(label, 0) == 0) return line.substr(strlen(label) + 1);
  }
  return {};
}

// What a successor must have in common with the first incarnation.
std::string surroundings(char** argv) {
  char directory[4096] = {};
  if (getcwd(directory, sizeof directory) == nullptr) directory[0] = '?';
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  struct stat out {};
  fstat(STDOUT_FILENO, &out);
  const char* mark = getenv("FAKE_MARK");
  std::ostringstream text;
  text << "cwd=" << directory << ",mark=" << (mark != nullptr ? mark : "-")
       << ",stdin=" << (fcntl(STDIN_FILENO, F_GETFD) >= 0) << ",stdout=" << out.st_ino
       << ",files=" << files.rlim_cur << ",umask=" << line_with("/proc/self/status", "Umask:")
       << ",blocked=" << line_with("/proc/self/status", "SigBlk:")
       << ",ignored=" << line_with("/proc/self/status", "SigIgn:")
       << ",oom=" << word_from("/proc/self/oom_score_adj") << ",argv=" << argv[0];
  return text.str();
}

void write_log(const Server& server, const std::string& about) {
  struct stat exe {};
  stat("/proc/self/exe", &exe);
  std::ostringstream line;
  line << getpid() << ' ' << server.attached << ' ' << server.previous << ' ' << server.generation
       << ' ' << server.devices.size() << ' ' << sound_devices(server) << ' ' << exe.st_ino << ' '
       << about << '\n';
  std::string path = server.directory_path + "/log";
  UniqueFd log(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  std::string text = line.str();
  if (write(log.get(), text.data(), text.size()) < 0) abort();
}

void go_into_background(Server* server, bool by_library) {
  if (fork() > 0) {
    // By the library the parent waits until the child is ready; others are simply gone.
    if (by_library) usleep(100000);
    _exit(0);
  }
  setsid();
  UniqueFd null(open("/dev/null", O_RDWR));
  for (int fd = 0; fd <= 2; ++fd) dup2(null.get(), fd);
  if (by_library) server->link->after_daemonize_fork();
  if (!by_library) usleep(200000);
}

int serve(Server* server, const std::string& about) {
  sigset_t commands;
  sigemptyset(&commands);
  for (int number : {SIGUSR1, SIGUSR2, SIGHUP}) sigaddset(&commands, number);
  sigprocmask(SIG_BLOCK, &commands, nullptr);
  if (!server->link->hello(true)) return 20;
  if (!server->link->start_watch([server] { return server->describe(); })) return 21;
  if (server->attached && !server->link->serving()) return 22;
  write_log(*server, about);
  for (;;) {
    int number = 0;
    sigwait(&commands, &number);
    if (number == SIGUSR1) return server->link->goodbye() ? 0 : 23;
    if (number == SIGHUP) return server->link->detach() ? 0 : 24;
    server->devices.push_back(make_device(server->devices.size()));
    size_t index = server->devices.size() - 1;
    if (!server->link->add_device(static_cast<unsigned>(index), server->devices[index].get())) {
      return 25;
    }
    // The harness can only kill what has said so: nothing may be lost from here on.
    write_log(*server, "device");
  }
}

}  // namespace

int main(int argc, char** argv) {
  alarm(60);
  if (argc < 4) return 2;
  std::string about = surroundings(argv);
  Server server;
  server.directory_path = argv[1];
  server.directory.reset(open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC));
  server.connection = static_cast<unsigned>(strtoul(argv[2], nullptr, 10));
  std::string behaviour = word_from(server.directory_path + "/behaviour");
  if (behaviour == "fail") return 5;
  int failed = begin(&server, argc, argv);
  if (failed != 0) return failed;
  if (behaviour == "die") _exit(9);
  if (behaviour == "hang") {
    write_log(server, about);
    for (;;) pause();
  }
  if (server.attached && (behaviour == "giveup" || behaviour == "retry")) {
    // As when a session is destroyed in a program that goes on.
    server.devices.clear();
    server.link.reset();
    server.state.reset();
    write_log(server, "gave up");
    while (behaviour == "giveup") pause();
    failed = begin(&server, argc, argv);
    if (failed != 0) return failed;
  }
  if (behaviour == "daemonize") go_into_background(&server, true);
  if (behaviour == "background") go_into_background(&server, false);
  if (behaviour == "leak" && fork() == 0) {
    // A child that never executes anything keeps the link open.
    write_log(server, "leak");
    for (;;) pause();
  }
  return serve(&server, about);
}
