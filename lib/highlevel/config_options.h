// The options of the high-level interface: what a command line says about struct fuse_config.
#pragma once

#include "fuse.h"

namespace fuse3 {

// Options that programs from before 3.1 leave to fuse_new().
enum class HelpOption { unknown, known };

// Fills `config` with defaults and takes the options it knows out of `args`; those that the session
// wants to see as well stay. On success config->modules is the caller's to free(). On failure,
// after a message, nothing is.
int parse_config(fuse_args* args, fuse_config* config, HelpOption help);

// To stdout.
void print_config_help();

}  // namespace fuse3
