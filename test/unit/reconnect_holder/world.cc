#include "world.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace fuse3::reconnect::test {
namespace {

std::string new_directory() {
  char path[] = "/tmp/fuse-keeper-test-XXXXXX";
  return mkdtemp(path);
}

// Far above what a kernel gives to a mount.
unsigned next_connection() {
  static unsigned count = 0;
  return 10'000'000 + static_cast<unsigned>(getpid()) * 100 + count++;
}

std::vector<pid_t> own_children() {
  std::vector<pid_t> children;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "children");
    pid_t pid;
    while (file >> pid) children.push_back(pid);
  }
  return children;
}

// As in /proc/PID/stat; 'X' when there is no such process.
char state_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(file, text)) return 'X';
  size_t at = text.rfind(')');
  return at != std::string::npos && at + 2 < text.size() ? text[at + 2] : 'X';
}

}  // namespace

int64_t now_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

bool wait_until(const std::function<bool()>& condition, int milliseconds) {
  int64_t deadline = now_ms() + milliseconds;
  while (!condition()) {
    if (now_ms() > deadline) return false;
    usleep(5000);
  }
  return true;
}

bool is_alive(pid_t pid) {
  char state = state_of(pid);
  return state != 'Z' && state != 'X';
}

void send_signal(pid_t pid, int number) {
  if (pid <= 1 || kill(pid, number) != 0 || number != SIGSTOP) return;
  wait_until([&] { return state_of(pid) == 'T' || !is_alive(pid); });
}

std::string fake_server_path() {
  const char* path = getenv("FAKE_SERVER");
  if (path != nullptr) return path;
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "fake_server";
}

World::World(unsigned number)
    : path(new_directory()),
      connection(number != 0 ? number : next_connection()),
      directory(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) abort();
  device_reader_.reset(ends[0]);
  device_writer_.reset(ends[1]);
  device_number_ = ends[1];
  behave("serve");
}

void World::use_device(UniqueFd device) {
  device_number_ = device.get();
  device_reader_.reset();
  device_writer_ = std::move(device);
}

World::~World() {
  // Keepers first: they would start servers again.
  for (int round = 0; round < 100; ++round) {
    for (pid_t pid : own_children()) kill(pid, SIGKILL);
    while (waitpid(-1, nullptr, WNOHANG | __WALL) > 0) {
    }
    if (own_children().empty()) break;
    usleep(10000);
  }
  std::filesystem::remove_all(path);
}

void World::behave(const std::string& word) {
  std::string fresh = path + "/behaviour.new";
  std::ofstream(fresh) << word << '\n';
  rename(fresh.c_str(), (path + "/behaviour").c_str());
}

pid_t World::run(const std::string& program, const std::vector<std::string>& arguments,
                 const std::function<void()>& in_child) {
  std::vector<char*> pointers;
  for (const std::string& a : arguments) pointers.push_back(const_cast<char*>(a.c_str()));
  pointers.push_back(nullptr);
  pid_t child = fork();
  if (child != 0) return child;
  int messages = open((path + "/messages").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  dup2(messages, STDERR_FILENO);
  if (in_child) in_child();
  execv(program.c_str(), pointers.data());
  _exit(126);
}

pid_t World::start_server(unsigned devices, const std::string& program,
                          const std::function<void()>& in_child) {
  if (!device_writer_) abort();
  std::string executable = program.empty() ? fake_server_path() : program;
  int device = device_writer_.get();
  pid_t pid = run(executable,
                  {executable, path, std::to_string(connection), std::to_string(devices),
                   std::to_string(device)},
                  [&] {
                    fcntl(device, F_SETFD, 0);
                    if (in_child) in_child();
                  });
  device_writer_.reset();
  return pid;
}

pid_t World::start_successor() {
  return run(fake_server_path(), {"by hand", path, std::to_string(connection), "0"}, {});
}

size_t World::entries() const {
  std::ifstream file(path + "/log");
  std::string line;
  size_t count = 0;
  while (std::getline(file, line)) ++count;
  return count;
}

Entry World::entry(size_t index, int milliseconds) {
  Entry entry{};
  if (!wait_until([&] { return entries() > index; }, milliseconds)) return entry;
  std::ifstream file(path + "/log");
  std::string line;
  for (size_t i = 0; i <= index; ++i) std::getline(file, line);
  std::istringstream words(line);
  words >> entry.pid >> entry.attached >> entry.previous >> entry.generation >> entry.devices >>
      entry.sound_devices >> entry.executable;
  std::getline(words >> std::ws, entry.about);
  return entry;
}

int World::wait_for(pid_t pid, int milliseconds) {
  int status = 0;
  if (!wait_until([&] { return waitpid(pid, &status, WNOHANG) == pid; }, milliseconds))
    return -1000;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Result<HolderStatus> World::status() {
  std::string why;
  return holder_status(directory.get(), connection, &why);
}

pid_t World::keeper() {
  Result<HolderStatus> known = status();
  return known ? known->said.keeper_pid : 0;
}

bool World::has_socket() const {
  return faccessat(directory.get(), socket_name(connection).c_str(), F_OK, 0) == 0;
}

bool World::has_state() const {
  return faccessat(directory.get(), state_name(connection).c_str(), F_OK, 0) == 0;
}

bool World::device_is_held() {
  pollfd device{device_reader_.get(), POLLIN, 0};
  return poll(&device, 1, 0) == 0;
}

std::string World::keeper_messages() const {
  std::ifstream file(path + "/messages");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace fuse3::reconnect::test
