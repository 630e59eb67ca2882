// What can be asked of a mount, taken from a command line and put into the words of mount(2) and of
// fusermount3.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "fuse_opt.h"
#include "mount/mount_flags.h"
#include "support/result.h"

namespace fuse3 {

struct MountOptions {
  // MS_* of mount(2).
  unsigned long flags = kDefaultFlags;
  bool allow_other = false;
  // The kernel knows no such thing: to it this is allow_other, and the session turns everybody away
  // who is neither root nor the owner.
  bool allow_root = false;
  bool auto_unmount = false;
  bool default_permissions = false;
  bool blkdev = false;
  std::optional<unsigned> max_read;
  std::optional<unsigned> block_size;
  std::optional<mode_t> root_mode;
  std::string fsname;
  std::string subtype;
  // "context=..." and its like, for the kernel as they are.
  std::vector<std::string> security;

  // Takes what it knows out of `args`; the rest stays. On failure, after a message to the log,
  // `args` is as it was.
  static Result<MountOptions> parse(fuse_args* args);

  // "fuse", "fuseblk", with ".subtype" when there is one and `with_subtype`.
  std::string filesystem_type(bool with_subtype) const;
  // The source shown in /proc/mounts. Without a subtype in the type it becomes "subtype#fsname".
  std::string source(bool with_subtype) const;
  // The data argument of mount(2).
  std::string kernel_data(int device, mode_t mode) const;
  // The argument of fusermount3's -o; empty when there is nothing to say.
  std::string fusermount_list() const;
};

std::string mount_option_help();

}  // namespace fuse3
