// What it takes to start the program of this process again, as it was started the first time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3::reconnect {

struct ServerImage {
  std::string executable;  // its path; what is there may change (an upgrade)
  std::vector<std::string> arguments;
  // As execve(2) gave it to the program: variables that the program took out of its environment
  // are what a successor needs, too.
  std::vector<std::string> environment;
  UniqueFd executable_file;  // O_PATH; for when nothing is left at the path
  UniqueFd directory;        // O_PATH; the working directory, none if it lies in the mount
  mode_t file_mode_mask = 022;
  uint64_t signal_mask = 0;      // bit n-1 for signal n
  uint64_t ignored_signals = 0;  // likewise
};

// Reads /proc/self. `connection` is the mount's, to tell whether the working directory is in it.
Result<ServerImage> capture_server_image(unsigned connection);

// "name (deleted)" without the mark that the kernel appends, unless that is the file's real name.
std::string without_deleted_mark(const std::string& path);

}  // namespace fuse3::reconnect
