// Apart from the rest of the replies because of the headers it needs.
#include <linux/stat.h>

#include "wire/reply.h"

namespace fuse3::wire {

namespace {

SxTime make_time(const statx_timestamp& time) {
  return {.tv_sec = time.tv_sec, .tv_nsec = time.tv_nsec, .reserved = 0};
}

}  // namespace

StatxOut make_statx(const struct statx& stat, double timeout, uint32_t flags) {
  Timeout valid = split_timeout(timeout);
  StatxOut out{};
  out.attr_valid = valid.seconds;
  out.attr_valid_nsec = valid.nanoseconds;
  out.flags = flags;
  out.stat = StatxData{.mask = stat.stx_mask,
                       .blksize = stat.stx_blksize,
                       .attributes = stat.stx_attributes,
                       .nlink = stat.stx_nlink,
                       .uid = stat.stx_uid,
                       .gid = stat.stx_gid,
                       .mode = stat.stx_mode,
                       .spare0 = 0,
                       .ino = stat.stx_ino,
                       .size = stat.stx_size,
                       .blocks = stat.stx_blocks,
                       .attributes_mask = stat.stx_attributes_mask,
                       .atime = make_time(stat.stx_atime),
                       .btime = make_time(stat.stx_btime),
                       .ctime = make_time(stat.stx_ctime),
                       .mtime = make_time(stat.stx_mtime),
                       .rdev_major = stat.stx_rdev_major,
                       .rdev_minor = stat.stx_rdev_minor,
                       .dev_major = stat.stx_dev_major,
                       .dev_minor = stat.stx_dev_minor,
                       .spare2 = {}};
  return out;
}

}  // namespace fuse3::wire
