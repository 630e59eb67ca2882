// Wrappers of the operations on a node's attributes, plain and extended
#include <cstring>

#include "highlevel/layer_call.h"

namespace fuse3::layer {

int getattr(fuse_fs& fs, const char* path, struct stat* attributes, fuse_file_info* info) {
  if (fs.ops.getattr == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "getattr[%s] %s", ShownHandle(info).text(), shown(path));
  return call(fs, fs.ops.getattr, path, attributes, info);
}

int statx(fuse_fs& fs, const char* path, int flags, int mask, struct statx* attributes,
          fuse_file_info* info) {
  if (fs.ops.statx == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "statx[%s] %s 0x%x 0x%x", ShownHandle(info).text(), shown(path), flags, mask);
  return call(fs, fs.ops.statx, path, flags, mask, attributes, info);
}

int access(fuse_fs& fs, const char* path, int mask) {
  if (fs.ops.access == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "access %s 0%o", path, mask);
  return call(fs, fs.ops.access, path, mask);
}

int chmod(fuse_fs& fs, const char* path, mode_t mode, fuse_file_info* info) {
  if (fs.ops.chmod == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "chmod[%s] %s %o", ShownHandle(info).text(), shown(path), mode);
  return call(fs, fs.ops.chmod, path, mode, info);
}

int chown(fuse_fs& fs, const char* path, uid_t uid, gid_t gid, fuse_file_info* info) {
  if (fs.ops.chown == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "chown[%s] %s %u %u", ShownHandle(info).text(), shown(path), uid, gid);
  return call(fs, fs.ops.chown, path, uid, gid, info);
}

int truncate(fuse_fs& fs, const char* path, off_t size, fuse_file_info* info) {
  if (fs.ops.truncate == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "truncate[%s] %s %lld", ShownHandle(info).text(), shown(path),
              static_cast<long long>(size));
  return call(fs, fs.ops.truncate, path, size, info);
}

int utimens(fuse_fs& fs, const char* path, const timespec times[2], fuse_file_info* info) {
  if (fs.ops.utimens == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "utimens[%s] %s %lld.%09ld %lld.%09ld", ShownHandle(info).text(), shown(path),
              static_cast<long long>(times[0].tv_sec), times[0].tv_nsec,
              static_cast<long long>(times[1].tv_sec), times[1].tv_nsec);
  return call(fs, fs.ops.utimens, path, times, info);
}

int statfs(fuse_fs& fs, const char* path, struct statvfs* facts) {
  if (fs.ops.statfs == nullptr) {
    std::memset(facts, 0, sizeof *facts);
    facts->f_namemax = 255;
    facts->f_bsize = 512;
    return 0;
  }
  FUSE3_TRACE(fs, "statfs %s", shown(path));
  return call(fs, fs.ops.statfs, path, facts);
}

int syncfs(fuse_fs& fs, const char* path) {
  if (fs.ops.syncfs == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "syncfs %s", shown(path));
  return call(fs, fs.ops.syncfs, path);
}

int setxattr(fuse_fs& fs, const char* path, const char* name, const char* value, size_t size,
             int flags) {
  if (fs.ops.setxattr == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "setxattr %s %s %zu 0x%x", path, name, size, flags);
  return call(fs, fs.ops.setxattr, path, name, value, size, flags);
}

int getxattr(fuse_fs& fs, const char* path, const char* name, char* value, size_t size) {
  if (fs.ops.getxattr == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "getxattr %s %s %zu", path, name, size);
  return call(fs, fs.ops.getxattr, path, name, value, size);
}

int listxattr(fuse_fs& fs, const char* path, char* list, size_t size) {
  if (fs.ops.listxattr == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "listxattr %s %zu", path, size);
  return call(fs, fs.ops.listxattr, path, list, size);
}

int removexattr(fuse_fs& fs, const char* path, const char* name) {
  if (fs.ops.removexattr == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "removexattr %s %s", path, name);
  return call(fs, fs.ops.removexattr, path, name);
}

}  // namespace fuse3::layer
