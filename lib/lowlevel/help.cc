#include "lowlevel/help.h"

#include <cstdio>

#include "mount/fusermount.h"
#include "mount/mount_options.h"
#include "options/cmdline.h"
#include "wire/protocol.h"

namespace fuse3 {

void print_low_level_help() {
  std::fputs(mount_option_help().c_str(), stdout);
  std::fputs(kSessionOptionHelp, stdout);
}

void print_low_level_version() {
  std::printf("FUSE kernel protocol: %u.%u\n", wire::kMajor, wire::kMinor);
  std::fflush(stdout);
  print_fusermount_version();
}

}  // namespace fuse3
