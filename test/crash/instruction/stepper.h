// Runs a piece of code in a child process one machine instruction at a time and looks at shared
// memory after each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace fuse3::reconnect {

struct Steps {
  bool finished = false;  // the child came to the end of `body`
  uint64_t instructions = 0;
  uint64_t changes = 0;
};

// `changed` gets the memory's contents after each instruction that changed them; false ends the
// run.
Steps single_step(std::span<const std::byte> memory, const std::function<void()>& body,
                  const std::function<bool(const std::vector<std::byte>&)>& changed);

}  // namespace fuse3::reconnect
