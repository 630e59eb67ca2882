// fuse_new(): options, layers and modules become a filesystem.
#pragma once

#include <cstddef>

#include "highlevel/config_options.h"

namespace fuse3 {

// Null after a message, or after help was printed. `args` stays as it is.
fuse* new_high_level(const fuse_args* args, const fuse_operations* ops, size_t ops_size,
                     void* user_data, HelpOption help);

// The options of fuse_new(): those of struct fuse_config, of the session, and of the modules, with
// those that `args` (which may be null) asks for. To stdout.
void print_high_level_help(const fuse_args* args);

}  // namespace fuse3
