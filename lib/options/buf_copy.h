// Moving data between memory and descriptors, see fuse_buf_copy().
#pragma once

#include <sys/types.h>

#include "fuse_common.h"

namespace fuse3 {

size_t buf_size(const fuse_bufvec& vector);
ssize_t buf_copy(fuse_bufvec* destination, fuse_bufvec* source, int flags);

}  // namespace fuse3
