// The command line of fusermount3, and nothing but its words: no file is touched here.
#pragma once

#include <optional>
#include <string>

#include "support/result.h"

namespace fuse3::fusermount {

enum class Task { kMount, kUnmount, kWatch, kHelp, kVersion };

struct Arguments {
  Task task = Task::kMount;
  bool lazy = false;
  bool quiet = false;
  // All -o, joined by commas.
  std::string options;
  std::string mountpoint;
  std::optional<int> socket;
};

// Says what is wrong. argv is as main() has it, ending in a null pointer; its order may change.
Result<Arguments> parse_arguments(int argc, char** argv);

std::string usage();

}  // namespace fuse3::fusermount
