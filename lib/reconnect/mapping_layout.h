// Arithmetic of the mapping's sections, shared by the one who makes a state and the one who checks
// it.
#pragma once

#include <cstdint>

#include "reconnect/layout.h"
#include "reconnect/mapping.h"

namespace fuse3::reconnect {

constexpr uint64_t round_up(uint64_t n, uint64_t unit) {
  return (n + unit - 1) / unit * unit;
}

// A sentence, or null if tables of that size can be made.
const char* impossible_geometry(const Geometry& geometry);
Sections lay_out(const Geometry& geometry);
uint64_t checksum_of(const Fixed& fixed);

}  // namespace fuse3::reconnect
