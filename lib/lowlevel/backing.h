// Backing files: the kernel reads and writes them by itself (FUSE_CAP_PASSTHROUGH).
#pragma once

struct fuse_req;

namespace fuse3 {

// Registers an open file; its id (> 0), or 0 after a message.
int open_backing(fuse_req& req, int fd);
// 0 or a negative errno.
int close_backing(int device, int backing_id);

}  // namespace fuse3
