// Arithmetic of the mapping's sections, shared by the one who makes a state and the one who checks
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "reconnect/layout.h"
#include "reconnect/mapping.h"
#include "support/result.h"

namespace fuse3::reconnect {

constexpr uint64_t round_up(uint64_t n, uint64_t unit) {
  return (n + unit - 1) / unit * unit;
}

// A sentence, or null if tables of that size can be made.
const char* impossible_geometry(const Geometry& geometry);
Sections lay_out(const Geometry& geometry, uint32_t layout_version);
// `sections` are those of a layout of that version.
LockSection lock_section_of(const Sections& sections, uint32_t layout_version);
FloorSection floor_section_of(const Sections& sections, uint32_t layout_version);
// How long the header of that version is.
uint32_t header_size(uint32_t layout_version);
uint64_t checksum_of(const Fixed& fixed);

// The part of a state that never changes, as a private copy: what is used later is what was judged
// here, whatever the file says by then. EPROTO: it cannot be believed; `why` is a sentence.
Result<std::unique_ptr<Fixed>> read_fixed(int fd, std::string* why);

}  // namespace fuse3::reconnect
