// fuse_main(): a filesystem from its command line to its end.
#pragma once

#include <cstddef>

#include "fuse.h"

namespace fuse3 {

// The exit status of the program, as fuse.h lists them.
int run_main(int argc, char* argv[], const fuse_operations* ops, size_t ops_size, void* user_data);

}  // namespace fuse3
