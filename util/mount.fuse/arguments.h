// The command line of a mount(8) helper, and what is to be run because of it. Nothing is done here.
#pragma once

#include <string>
#include <vector>

#include "support/result.h"

namespace fuse3::mount_helper {

struct Arguments {
  // The program that serves filesystems of this type.
  std::string type;
  // Empty when the program is given none.
  std::string source;
  bool has_source = false;
  std::string mountpoint;
  // All -o, joined by commas.
  std::string options;
  // -f: everything but the mounting itself.
  bool fake = false;
  bool verbose = false;
  bool help = false;
};

// The type comes from the name this was started by ("mount.fuse.TYPE"), from -t ("fuse.TYPE") or
// from the source ("TYPE#SOURCE", or "TYPE" alone). Says what is wrong.
Result<Arguments> parse_arguments(int argc, char** argv);

std::string usage();

// The words of the command to be run. `options` is what is left of them for the filesystem.
std::vector<std::string> command_for(const Arguments& arguments, const std::string& mountpoint,
                                     const std::string& options);

}  // namespace fuse3::mount_helper
