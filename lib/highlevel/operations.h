// The high-level API as a low-level filesystem.
#pragma once

#include "fuse_lowlevel.h"
#include "highlevel/fuse_fs.h"

namespace fuse3 {

// What the filesystem can do decides about a few of them, for without them the kernel does the work
// itself: it keeps locks, and writes come as memory.
fuse_lowlevel_ops high_level_operations(const fuse_fs& top);

}  // namespace fuse3
