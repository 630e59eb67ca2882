// fuse_common.h: data buffers
#include "abi/export.h"
#include "options/buf_copy.h"

FUSE3_EXPORT size_t fuse_buf_size(const fuse_bufvec* bufv) {
  return fuse3::buf_size(*bufv);
}

FUSE3_EXPORT ssize_t fuse_buf_copy(fuse_bufvec* dst, fuse_bufvec* src, fuse_buf_copy_flags flags) {
  return fuse3::buf_copy(dst, src, flags);
}
