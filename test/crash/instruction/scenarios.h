// The operations that are tried at every instruction.
#pragma once

#include <functional>
#include <vector>

#include "world.h"

namespace fuse3::reconnect {

struct Scenario {
  const char* name;
  std::function<void(World&)> prepare;
  // Each is either not done or done, whenever the process dies.
  std::vector<std::function<void(World&)>> steps;
};

const std::vector<Scenario>& scenarios();

}  // namespace fuse3::reconnect
