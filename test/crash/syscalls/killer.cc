// killer: ends a server at the entry or the exit of a chosen system call, and, if wanted, its
// successors at a chosen one of their own. It is told what to do line by line on its standard
// input and answers each line with one:
//
//   arm SERVER N
//       "armed" once every thread of the server sleeps in a system call; its stops are counted from
//       then on, entries and exits alike, and the Nth ends it. N = 0: at once, before "armed".
//       N < 0: never.
//   arm SERVER N KEEPER M MARKER K
//       the same, and the child that the keeper makes next is ended at its Mth stop from the first
//       entry to the call MARKER on (a number; -1: from execve on), and so are K - 1 after it
//   await SERVER N MARKER
//       the first again, but counting from the first entry to the call MARKER on, which is the
//       first stop
//   end
//       waits until everything traced sleeps again, lets it go, and says
//       "done stops=K killed=WHERE stops2=L killed2=WHERE opcodes=NUMBER,NUMBER..."; the last are
//       those of all requests that were received

#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>

#include "tracees.h"

namespace killer {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPatience{8};
constexpr long kNow = -2, kExecve = -1;  // markers that are no numbers of calls

// The n-th stop of a role, and what has been seen of it.
struct Aim {
  long at = -1;
  long stops = 0;
  pid_t process = 0;
  long marker = kNow;  // the call that the counting begins with
  bool counting = false;
  long times = 1;  // how many processes are still to be killed there
  std::string killed = "-";

  bool hit() const { return times == 0; }
};

class Killer {
 public:
  explicit Killer(int signals) : signals_(signals) {}

  void arm(const Aim& server, pid_t keeper, const Aim& successors);
  void end();
  // Sees to whatever happened to the tracees, waiting at most so long for something to happen.
  void turn(int milliseconds);
  bool tracing() const { return !tracees_.all().empty(); }

 private:
  void stopped(pid_t thread, int status);
  void system_call(pid_t id, Thread& thread);
  void new_thread(pid_t id);
  void count(Aim& aim, pid_t id, const Thread& thread, bool exit);
  void kill_at(Aim& aim, const std::string& where);
  void gone(pid_t id);
  bool settle(bool (Killer::*done)() const);
  bool server_is_quiet() const { return tracees_.quiet(Role::server); }
  bool nothing_is_traced() const { return !tracing(); }
  bool all_is_quiet() const;

  const int signals_;
  Tracees tracees_;
  Aim first_, second_;
  std::set<unsigned long> opcodes_;  // of the requests that were received
  bool releasing_ = false;
};

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

void Killer::arm(const Aim& server, pid_t keeper, const Aim& successors) {
  first_ = server;
  second_ = successors;
  releasing_ = false;
  opcodes_.clear();
  if (!tracees_.seize(server.process, Role::server)) return say("gone");
  if (keeper > 0) tracees_.seize(keeper, Role::keeper);
  const bool settled = settle(&Killer::server_is_quiet);
  if (!tracees_.has(Role::server)) return say("gone");
  if (!settled) return say("busy");
  first_.counting = first_.marker == kNow;
  if (first_.at == 0 && first_.counting) kill_at(first_, "idle");
  say("armed");
}

// The kills may come at any time until all are asleep: what is done after a reply counts, too.
bool Killer::all_is_quiet() const {
  if (first_.hit() && tracees_.has(Role::server)) return false;  // still dying
  if (second_.hit() && tracees_.has(Role::successor)) return false;
  return tracees_.quiet(Role::server) && tracees_.quiet(Role::successor);
}

bool Killer::settle(bool (Killer::*done)() const) {
  const auto deadline = Clock::now() + kPatience;
  for (int calm = 0; calm < 2;) {
    if (Clock::now() >= deadline) return false;
    const auto before = first_.stops + second_.stops;
    turn(1);
    const bool still = before == first_.stops + second_.stops && (this->*done)();
    calm = still ? calm + 1 : 0;
  }
  return true;
}

void Killer::end() {
  const bool quiet = settle(&Killer::all_is_quiet);
  releasing_ = true;
  tracees_.interrupt_all();
  const bool released = settle(&Killer::nothing_is_traced);
  std::string opcodes;
  for (const unsigned long opcode : opcodes_) opcodes += "," + std::to_string(opcode);
  say("done stops=" + std::to_string(first_.stops) + " killed=" + first_.killed +
      " stops2=" + std::to_string(second_.stops) + " killed2=" + second_.killed +
      " opcodes=" + (opcodes.empty() ? "-" : opcodes.substr(1)) + (quiet ? "" : " busy=1") +
      (released ? "" : " stuck=1"));
}

void Killer::turn(int milliseconds) {
  pollfd event{signals_, POLLIN, 0};
  if (::poll(&event, 1, milliseconds) > 0) {
    signalfd_siginfo info;
    while (::read(signals_, &info, sizeof info) == sizeof info) {
    }
  }
  int status = 0;
  for (pid_t id; (id = ::waitpid(-1, &status, __WALL | WNOHANG)) > 0;) {
    if (WIFSTOPPED(status)) {
      stopped(id, status);
    } else {
      gone(id);
    }
  }
}

// The first thread's end is told last: then the next successor may come.
void Killer::gone(pid_t id) {
  tracees_.forget(id);
  if (id != second_.process || second_.killed == "-" || second_.hit()) return;
  second_.process = 0;
  second_.stops = 0;
  second_.counting = false;
}

void Killer::kill_at(Aim& aim, const std::string& where) {
  aim.killed = aim.killed == "-" ? where : aim.killed + "," + where;
  --aim.times;
  ::kill(aim.process, SIGKILL);
}

void Killer::count(Aim& aim, pid_t id, const Thread& thread, bool exit) {
  if (++aim.stops == aim.at) return kill_at(aim, describe(thread.process, thread, exit));
  tracees_.resume(id, 0);
}

void Killer::system_call(pid_t id, Thread& thread) {
  __ptrace_syscall_info info{};
  if (::ptrace(static_cast<__ptrace_request>(PTRACE_GET_SYSCALL_INFO), id, sizeof info, &info) <=
      0) {
    return tracees_.resume(id, 0);
  }
  const bool exit = info.op == PTRACE_SYSCALL_INFO_EXIT;
  thread.in_call = !exit;
  if (!exit) {
    thread.call = static_cast<long>(info.entry.nr);
    thread.first_argument = info.entry.args[0];
    thread.second_argument = info.entry.args[1];
  }
  Aim& aim = thread.role == Role::successor ? second_ : first_;
  if (!exit && thread.call == aim.marker) aim.counting = true;
  if (exit && first_.counting) {
    const unsigned long opcode = received_opcode(thread.process, thread, info.exit.rval);
    if (opcode != 0) opcodes_.insert(opcode);
  }
  if (!aim.counting || aim.hit()) return tracees_.resume(id, 0);
  count(aim, id, thread, exit);
}

// A thread of a traced process, or a child of the keeper.
void Killer::new_thread(pid_t id) {
  pid_t process = id;
  const std::string path = "/proc/" + std::to_string(id) + "/status";
  if (FILE* file = std::fopen(path.c_str(), "re")) {
    char line[256];
    while (std::fgets(line, sizeof line, file) != nullptr) {
      if (std::sscanf(line, "Tgid: %d", &process) == 1) break;
    }
    std::fclose(file);
  }
  Role role = Role::passer_by;
  if (process == first_.process) {
    role = Role::server;
  } else if (process == second_.process) {
    role = Role::successor;
  } else if (process == id && second_.process == 0 && second_.at >= 0 && first_.hit()) {
    second_.process = process;
    role = Role::successor;
  }
  tracees_.adopt(id, process, role);
}

void Killer::stopped(pid_t id, int status) {
  if (tracees_.find(id) == nullptr) new_thread(id);
  Thread& thread = *tracees_.find(id);
  const int signal = WSTOPSIG(status);
  const int event = status >> 16;
  if (releasing_) thread.role = Role::passer_by;
  if (signal == (SIGTRAP | 0x80) && !releasing_) return system_call(id, thread);
  if (event == PTRACE_EVENT_EXEC) {
    thread.in_call = true;
    thread.call = 0;
    if (thread.role == Role::successor && second_.marker == kExecve) second_.counting = true;
  }
  const bool delivery = event == 0 && signal != (SIGTRAP | 0x80);
  const bool letting_go = thread.role == Role::passer_by;
  tracees_.resume(id, delivery ? signal : 0);
  if (letting_go) tracees_.forget(id);
}

int run() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  const int signals = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) return 1;
  Killer killer(signals);
  std::string pending;
  while (true) {
    pollfd events[2] = {{STDIN_FILENO, POLLIN, 0}, {signals, POLLIN, 0}};
    if (::poll(events, 2, killer.tracing() ? 2 : -1) < 0 && errno != EINTR) return 1;
    killer.turn(0);
    if ((events[0].revents & (POLLIN | POLLHUP)) == 0) continue;
    char bytes[256];
    const ssize_t got = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (got <= 0) return 0;  // whatever is traced is let go by the kernel
    pending.append(bytes, static_cast<size_t>(got));
    for (size_t end; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1)) {
      const std::string line = pending.substr(0, end);
      int keeper = 0;
      Aim server, successors;
      if (line == "end") {
        killer.end();
      } else if (std::sscanf(line.c_str(), "arm %d %ld %d %ld %ld %ld", &server.process, &server.at,
                             &keeper, &successors.at, &successors.marker, &successors.times) >= 2) {
        killer.arm(server, keeper, successors);
      } else if (std::sscanf(line.c_str(), "await %d %ld %ld", &server.process, &server.at,
                             &server.marker) == 3) {
        killer.arm(server, 0, successors);
      } else {
        say("what?");
      }
    }
  }
}

}  // namespace
}  // namespace killer

int main() {
  return killer::run();
}
