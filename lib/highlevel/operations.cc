#include "highlevel/operations.h"

#include "highlevel/ops.h"
#include "support/newer_fields.h"

namespace fuse3 {

fuse_lowlevel_ops high_level_operations(const fuse_fs& top) {
  fuse_lowlevel_ops ops{};
  ops.init = hl::init;
  ops.destroy = hl::destroy;
  ops.lookup = hl::lookup;
  ops.forget = hl::forget;
  ops.forget_multi = hl::forget_multi;
  ops.getattr = hl::getattr;
  ops.setattr = hl::setattr;
  FUSE3_SET_FIELD(ops, statx, hl::statx);
  ops.access = hl::access;
  ops.readlink = hl::readlink;
  ops.mknod = hl::mknod;
  ops.mkdir = hl::mkdir;
  ops.unlink = hl::unlink;
  ops.rmdir = hl::rmdir;
  ops.symlink = hl::symlink;
  ops.rename = hl::rename;
  ops.link = hl::link;
  ops.create = hl::create;
  ops.open = hl::open;
  ops.read = hl::read;
  ops.flush = hl::flush;
  ops.release = hl::release;
  ops.fsync = hl::fsync;
  ops.opendir = hl::opendir;
  ops.readdir = hl::readdir;
  ops.readdirplus = hl::readdirplus;
  ops.releasedir = hl::releasedir;
  ops.fsyncdir = hl::fsyncdir;
  ops.statfs = hl::statfs;
  FUSE3_SET_FIELD(ops, syncfs, hl::syncfs);
  ops.setxattr = hl::setxattr;
  ops.getxattr = hl::getxattr;
  ops.listxattr = hl::listxattr;
  ops.removexattr = hl::removexattr;
  ops.bmap = hl::bmap;
  ops.ioctl = hl::ioctl;
  ops.poll = hl::poll;
  ops.fallocate = hl::fallocate;
  ops.copy_file_range = hl::copy_file_range;
  ops.lseek = hl::lseek;
  ops.write = hl::write;
  if (top.ops.write_buf != nullptr) ops.write_buf = hl::write_buf;
  if (top.ops.lock != nullptr) {
    ops.getlk = hl::getlk;
    ops.setlk = hl::setlk;
  }
  if (top.ops.flock != nullptr) ops.flock = hl::flock;
  return ops;
}

}  // namespace fuse3
