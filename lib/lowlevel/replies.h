// What the reply functions of fuse_lowlevel.h do.
#pragma once

#include <sys/statvfs.h>

#include "session/session.h"

namespace fuse3 {

int reply_entry(fuse_req& req, const fuse_entry_param& entry);
int reply_create(fuse_req& req, const fuse_entry_param& entry, const fuse_file_info& info);
int reply_open(fuse_req& req, const fuse_file_info& info);
int reply_attr(fuse_req& req, const struct stat& attributes, double timeout);
int reply_statx(fuse_req& req, int flags, const struct statx& attributes, double timeout);
int reply_bytes(fuse_req& req, const void* bytes, size_t size);
int reply_iov(fuse_req& req, const iovec* pieces, int count);
int reply_write(fuse_req& req, size_t count);
int reply_statfs(fuse_req& req, const struct statvfs& stat);
int reply_xattr_size(fuse_req& req, size_t size);
int reply_lock(fuse_req& req, const struct flock& lock);
int reply_bmap(fuse_req& req, uint64_t block);
int reply_poll(fuse_req& req, unsigned events);
int reply_lseek(fuse_req& req, off_t offset);
int reply_ioctl(fuse_req& req, int result, const iovec* pieces, int count);
int reply_ioctl_retry(fuse_req& req, const iovec* in, size_t in_count, const iovec* out,
                      size_t out_count);

}  // namespace fuse3
