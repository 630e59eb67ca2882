// The server's program, and starting it again.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "own_process.h"
#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3::keeper {

struct Program {
  std::string executable;
  std::vector<std::string> arguments;
  UniqueFd executable_file;  // O_PATH: what was there at first
  UniqueFd directory;        // O_PATH
  unsigned connection = 0;   // what it is to take over,
  unsigned ordinal = 1;      // and as which of its mounts
  mode_t file_mode_mask = 022;
  uint64_t signal_mask = 0;
  uint64_t ignored_signals = 0;

  // A child process that runs the program, in a session of its own, which it makes itself: shortly
  // after the start there may be no such process group yet. That it could not be executed is
  // logged, and the child exits with 127.
  Result<pid_t> start(const OwnProcess& own) const;

  // The same surroundings for another command: the executable's path, then the arguments.
  Result<Program> with_command(std::vector<std::string> command) const;

 private:
  [[noreturn]] void become(const OwnProcess& own) const;
};

}  // namespace fuse3::keeper
