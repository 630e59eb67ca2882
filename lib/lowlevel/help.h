// What --help and --version say about the session's side. To stdout.
#pragma once

namespace fuse3 {

void print_low_level_help();
void print_low_level_version();

}  // namespace fuse3
