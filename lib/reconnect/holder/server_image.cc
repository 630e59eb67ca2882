#include "reconnect/holder/server_image.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

extern char** environ;

namespace fuse3::reconnect {
namespace {

Result<std::string> read_file(const char* path) {
  UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
  if (!file) return last_error();
  std::string content;
  char buffer[4096];
  for (;;) {
    ssize_t got = read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return last_error();
    if (got == 0) return content;
    content.append(buffer, static_cast<size_t>(got));
  }
}

std::vector<std::string> split_at_nul(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\0', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

// Programs that show a status in place of their arguments may have written over this text.
bool looks_like_environment(const std::vector<std::string>& entries) {
  return std::all_of(entries.begin(), entries.end(),
                     [](const std::string& e) { return e.find('=') != std::string::npos; });
}

std::vector<std::string> initial_environment() {
  Result<std::string> text = read_file("/proc/self/environ");
  if (text) {
    std::vector<std::string> entries = split_at_nul(*text);
    if (looks_like_environment(entries)) return entries;
  }
  std::vector<std::string> entries;
  for (char** e = environ; e != nullptr && *e != nullptr; ++e) entries.emplace_back(*e);
  return entries;
}

mode_t read_file_mode_mask() {
  Result<std::string> status = read_file("/proc/self/status");
  constexpr std::string_view kLabel = "\nUmask:";
  size_t at = status ? status->find(kLabel) : std::string::npos;
  if (at == std::string::npos) return 022;
  return static_cast<mode_t>(strtoul(status->c_str() + at + kLabel.size(), nullptr, 8)) & 0777;
}

uint64_t current_signal_mask() {
  sigset_t set;
  pthread_sigmask(SIG_BLOCK, nullptr, &set);
  uint64_t bits = 0;
  for (int number = 1; number <= 64; ++number) {
    if (sigismember(&set, number) == 1) bits |= uint64_t{1} << (number - 1);
  }
  return bits;
}

uint64_t current_ignored_signals() {
  uint64_t bits = 0;
  for (int number = 1; number <= 64; ++number) {
    struct sigaction action {};
    if (sigaction(number, nullptr, &action) != 0) continue;
    bool ignored = (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
    if (ignored) bits |= uint64_t{1} << (number - 1);
  }
  return bits;
}

// A successor started from inside the mount would ask itself for leave to enter it. The question
// is put so that it cannot cause a request.
bool lies_in_mount(int directory, unsigned connection) {
  struct statx facts {};
  if (statx(directory, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &facts) != 0) return false;
  return facts.stx_dev_major == 0 && facts.stx_dev_minor == connection;
}

}  // namespace

std::string without_deleted_mark(const std::string& path) {
  constexpr std::string_view kMark = " (deleted)";
  if (!path.ends_with(kMark) || access(path.c_str(), F_OK) == 0) return path;
  return path.substr(0, path.size() - kMark.size());
}

Result<ServerImage> capture_server_image(unsigned connection) {
  ServerImage image;
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  if (length < 0) return last_error();
  if (length == sizeof path) return Error{ENAMETOOLONG};
  image.executable = without_deleted_mark(std::string(path, static_cast<size_t>(length)));
  Result<std::string> arguments = read_file("/proc/self/cmdline");
  if (!arguments) return arguments.as_error();
  image.arguments = split_at_nul(*arguments);
  if (image.arguments.empty()) image.arguments.push_back(image.executable);
  image.environment = initial_environment();
  image.executable_file.reset(open("/proc/self/exe", O_PATH | O_CLOEXEC));
  image.directory.reset(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (image.directory && lies_in_mount(image.directory.get(), connection)) image.directory.reset();
  image.file_mode_mask = read_file_mode_mask();
  image.signal_mask = current_signal_mask();
  image.ignored_signals = current_ignored_signals();
  return image;
}

}  // namespace fuse3::reconnect
