// A successor whose state somebody has spoiled, byte by byte.
#pragma once

#include <cstdint>

#include "world.h"

namespace fuse3::reconnect {

// Each byte of a busy state (every `step`th, from `first` on) in three ways: inverted, 0 and 0xff.
// A successor refuses the state, or goes on and gives applications what is true or an error.
// Returns how many bytes broke that; says which.
uint64_t spoil_every_byte(Interface interface, size_t first, size_t step);

}  // namespace fuse3::reconnect
