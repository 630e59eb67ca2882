// Wrappers of the operations that make, move and remove names, and on directories
#include "highlevel/layer_call.h"

namespace fuse3::layer {
namespace {

unsigned caller_umask() {
  return thread_context().shown.umask;
}

}  // namespace

int readlink(fuse_fs& fs, const char* path, char* target, size_t size) {
  if (fs.ops.readlink == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "readlink %s %zu", path, size);
  return call(fs, fs.ops.readlink, path, target, size);
}

int mknod(fuse_fs& fs, const char* path, mode_t mode, dev_t device) {
  if (fs.ops.mknod == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "mknod %s 0%o 0x%llx umask=0%03o", path, mode,
              static_cast<unsigned long long>(device), caller_umask());
  return call(fs, fs.ops.mknod, path, mode, device);
}

int mkdir(fuse_fs& fs, const char* path, mode_t mode) {
  if (fs.ops.mkdir == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "mkdir %s 0%o umask=0%03o", path, mode, caller_umask());
  return call(fs, fs.ops.mkdir, path, mode);
}

int unlink(fuse_fs& fs, const char* path) {
  if (fs.ops.unlink == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "unlink %s", path);
  return call(fs, fs.ops.unlink, path);
}

int rmdir(fuse_fs& fs, const char* path) {
  if (fs.ops.rmdir == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "rmdir %s", path);
  return call(fs, fs.ops.rmdir, path);
}

int symlink(fuse_fs& fs, const char* target, const char* path) {
  if (fs.ops.symlink == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "symlink %s %s", target, path);
  return call(fs, fs.ops.symlink, target, path);
}

int rename(fuse_fs& fs, const char* from, const char* to, unsigned flags) {
  if (fs.ops.rename == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "rename %s %s 0x%x", from, to, flags);
  return call(fs, fs.ops.rename, from, to, flags);
}

int link(fuse_fs& fs, const char* from, const char* to) {
  if (fs.ops.link == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "link %s %s", from, to);
  return call(fs, fs.ops.link, from, to);
}

int opendir(fuse_fs& fs, const char* path, fuse_file_info* info) {
  if (fs.ops.opendir == nullptr) return 0;
  FUSE3_TRACE(fs, "opendir flags: 0x%x %s", info->flags, shown(path));
  const int result = call(fs, fs.ops.opendir, path, info);
  if (result == 0) {
    FUSE3_TRACE(fs, "   opendir[%llu] flags: 0x%x %s", handle_number(info), info->flags,
                shown(path));
  }
  return result;
}

int readdir(fuse_fs& fs, const char* path, void* buffer, fuse_fill_dir_t filler, off_t offset,
            fuse_file_info* info, fuse_readdir_flags flags) {
  if (fs.ops.readdir == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "readdir%s[%llu] from %lld", (flags & FUSE_READDIR_PLUS) != 0 ? "plus" : "",
              handle_number(info), static_cast<long long>(offset));
  return call(fs, fs.ops.readdir, path, buffer, filler, offset, info, flags);
}

int releasedir(fuse_fs& fs, const char* path, fuse_file_info* info) {
  if (fs.ops.releasedir == nullptr) return 0;
  FUSE3_TRACE(fs, "releasedir[%llu] flags: 0x%x", handle_number(info), info->flags);
  return call(fs, fs.ops.releasedir, path, info);
}

int fsyncdir(fuse_fs& fs, const char* path, int datasync, fuse_file_info* info) {
  if (fs.ops.fsyncdir == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "fsyncdir[%llu] datasync: %d", handle_number(info), datasync);
  return call(fs, fs.ops.fsyncdir, path, datasync, info);
}

}  // namespace fuse3::layer
