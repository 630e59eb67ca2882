// Capabilities: FUSE_CAP_* bits that programs see and INIT flags that the kernel sees.
#pragma once

#include <cstdint>
#include <string>

#include "fuse_lowlevel.h"

namespace fuse3 {

// FUSE_CAP_* bits for the INIT flags of a kernel, and back. Capabilities that are the library's own
// business (splicing) have no flag and are in neither.
uint64_t capabilities_of(uint64_t init_flags);
uint64_t init_flags_of(uint64_t capabilities);

// What the library does by itself, whatever the kernel says.
uint64_t library_capabilities();

// What is wanted unless the filesystem's init() says otherwise.
uint64_t default_wants(const fuse_lowlevel_ops& ops, uint64_t capable);

// "FUSE_CAP_A, FUSE_CAP_B" for messages.
std::string capability_names(uint64_t capabilities);

}  // namespace fuse3
