// The threads that a killer traces: seizing them, counting their system calls, letting them go.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

namespace killer {

enum class Role {
  server,     // its stops are counted from the start
  keeper,     // only watched for the children it makes
  successor,  // counted from the marker on
  passer_by,  // of no interest: let go at the first opportunity
};

struct Thread {
  pid_t process = 0;
  Role role = Role::passer_by;
  bool in_call = false;
  long call = -1;
  unsigned long first_argument = 0;
  unsigned long second_argument = 0;
};

// Where a kill happened, as "name(what):entry".
std::string describe(pid_t process, const Thread& thread, bool exit);

// What was received, when a read of the device has just returned so much; 0 if it is no such call.
unsigned long received_opcode(pid_t process, const Thread& thread, long result);

// Whether a thread waits in the kernel for something to happen.
bool sleeps(pid_t thread);

class Tracees {
 public:
  // All threads of a process; false if there is none.
  bool seize(pid_t process, Role role);
  void adopt(pid_t thread, pid_t process, Role role);
  void forget(pid_t thread) { threads_.erase(thread); }
  Thread* find(pid_t thread);
  bool has(Role role) const;
  void set_role(pid_t process, Role role);

  // Every thread of that role is in a system call and sleeps.
  bool quiet(Role role) const;

  // Resumes a stopped thread as its role wants.
  void resume(pid_t thread, int signal) const;
  // Stops every thread, to be let go when the stop is seen.
  void interrupt_all() const;
  void interrupt(Role role) const;

  const std::map<pid_t, Thread>& all() const { return threads_; }

 private:
  std::map<pid_t, Thread> threads_;
};

}  // namespace killer
