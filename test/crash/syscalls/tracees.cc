#include "tracees.h"

#include <dirent.h>
#include <limits.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <vector>

#include "call_names.h"

namespace killer {
namespace {

constexpr unsigned long kTraced = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                                  PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;

std::string name_of(long call) {
  for (const CallName& name : kCallNames) {
    if (name.number == call) return name.text;
  }
  return "call_" + std::to_string(call);
}

std::vector<pid_t> threads_of(pid_t process) {
  std::vector<pid_t> found;
  const std::string path = "/proc/" + std::to_string(process) + "/task";
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return found;
  while (const dirent* entry = ::readdir(directory)) {
    if (const int thread = std::atoi(entry->d_name); thread > 0) found.push_back(thread);
  }
  ::closedir(directory);
  return found;
}

// What a descriptor is of; empty if it is none.
std::string what_is(pid_t process, unsigned long descriptor) {
  char path[64], target[PATH_MAX];
  std::snprintf(path, sizeof path, "/proc/%d/fd/%lu", process, descriptor);
  const ssize_t length = ::readlink(path, target, sizeof target);
  return length > 0 ? std::string(target, static_cast<size_t>(length)) : std::string();
}

}  // namespace

std::string describe(pid_t process, const Thread& thread, bool exit) {
  std::string text = name_of(thread.call);
  const std::string target = what_is(process, thread.first_argument);
  if (!target.empty()) text += "(" + target + ")";
  for (char& c : text) c = c == ' ' ? '_' : c;
  return text + (exit ? ":exit" : ":entry");
}

unsigned long received_opcode(pid_t process, const Thread& thread, long result) {
  struct {
    uint32_t length, opcode;
  } start{};
  if (thread.call != SYS_read || result < static_cast<long>(sizeof start)) return 0;
  if (what_is(process, thread.first_argument) != "/dev/fuse") return 0;
  const iovec here{&start, sizeof start};
  const iovec there{reinterpret_cast<void*>(thread.second_argument), sizeof start};
  const ssize_t got = ::process_vm_readv(process, &here, 1, &there, 1, 0);
  return got == static_cast<ssize_t>(sizeof start) ? start.opcode : 0;
}

bool sleeps(pid_t thread) {
  const std::string path = "/proc/" + std::to_string(thread) + "/stat";
  FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return true;  // gone
  char state = 0;
  const int found = std::fscanf(file, "%*d (%*[^)]) %c", &state);
  std::fclose(file);
  return found == 1 && state == 'S';
}

bool Tracees::seize(pid_t process, Role role) {
  // Until there is none left that was made meanwhile.
  for (bool found = true; found;) {
    found = false;
    for (const pid_t thread : threads_of(process)) {
      if (threads_.contains(thread)) continue;
      if (::ptrace(PTRACE_SEIZE, thread, nullptr, kTraced) != 0) continue;
      adopt(thread, process, role);
      ::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
      found = true;
    }
  }
  return has(role);
}

void Tracees::adopt(pid_t thread, pid_t process, Role role) {
  threads_[thread] = Thread{.process = process, .role = role};
}

Thread* Tracees::find(pid_t thread) {
  const auto it = threads_.find(thread);
  return it == threads_.end() ? nullptr : &it->second;
}

bool Tracees::has(Role role) const {
  for (const auto& [id, thread] : threads_) {
    if (thread.role == role) return true;
  }
  return false;
}

void Tracees::set_role(pid_t process, Role role) {
  for (auto& [id, thread] : threads_) {
    if (thread.process == process) thread.role = role;
  }
}

bool Tracees::quiet(Role role) const {
  for (const auto& [id, thread] : threads_) {
    if (thread.role == role && (!thread.in_call || !sleeps(id))) return false;
  }
  return true;
}

void Tracees::resume(pid_t thread, int signal) const {
  const auto it = threads_.find(thread);
  const Role role = it == threads_.end() ? Role::passer_by : it->second.role;
  const auto how = role == Role::keeper      ? PTRACE_CONT
                   : role == Role::passer_by ? PTRACE_DETACH
                                             : PTRACE_SYSCALL;
  ::ptrace(how, thread, nullptr, static_cast<long>(signal));
}

void Tracees::interrupt_all() const {
  for (const auto& [id, thread] : threads_) ::ptrace(PTRACE_INTERRUPT, id, nullptr, nullptr);
}

void Tracees::interrupt(Role role) const {
  for (const auto& [id, thread] : threads_) {
    if (thread.role == role) ::ptrace(PTRACE_INTERRUPT, id, nullptr, nullptr);
  }
}

}  // namespace killer
