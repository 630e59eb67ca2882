// Wrappers of the operations on open files, except those that carry data
#include <sys/file.h>

#include "highlevel/layer_call.h"

namespace fuse3::layer {
namespace {

const char* lock_command(int command) {
  switch (command) {
    case F_GETLK:
      return "F_GETLK";
    case F_SETLK:
      return "F_SETLK";
    case F_SETLKW:
      return "F_SETLKW";
    default:
      return "???";
  }
}

const char* lock_type(short type) {
  switch (type) {
    case F_RDLCK:
      return "F_RDLCK";
    case F_WRLCK:
      return "F_WRLCK";
    case F_UNLCK:
      return "F_UNLCK";
    default:
      return "???";
  }
}

const char* flock_operation(int operation) {
  switch (operation & ~LOCK_NB) {
    case LOCK_SH:
      return "LOCK_SH";
    case LOCK_EX:
      return "LOCK_EX";
    case LOCK_UN:
      return "LOCK_UN";
    default:
      return "???";
  }
}

}  // namespace

int open(fuse_fs& fs, const char* path, fuse_file_info* info) {
  if (fs.ops.open == nullptr) return 0;
  FUSE3_TRACE(fs, "open flags: 0x%x %s", info->flags, shown(path));
  const int result = call(fs, fs.ops.open, path, info);
  if (result == 0) {
    FUSE3_TRACE(fs, "   open[%llu] flags: 0x%x %s", handle_number(info), info->flags, shown(path));
  }
  return result;
}

int create(fuse_fs& fs, const char* path, mode_t mode, fuse_file_info* info) {
  if (fs.ops.create == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "create flags: 0x%x %s 0%o umask=0%03o", info->flags, path, mode,
              thread_context().shown.umask);
  const int result = call(fs, fs.ops.create, path, mode, info);
  if (result == 0) {
    FUSE3_TRACE(fs, "   create[%llu] flags: 0x%x %s", handle_number(info), info->flags, path);
  }
  return result;
}

int release(fuse_fs& fs, const char* path, fuse_file_info* info) {
  if (fs.ops.release == nullptr) return 0;
  FUSE3_TRACE(fs, "release%s[%llu] flags: 0x%x", info->flush ? "+flush" : "", handle_number(info),
              info->flags);
  return call(fs, fs.ops.release, path, info);
}

int flush(fuse_fs& fs, const char* path, fuse_file_info* info) {
  if (fs.ops.flush == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "flush[%llu]", handle_number(info));
  return call(fs, fs.ops.flush, path, info);
}

int fsync(fuse_fs& fs, const char* path, int datasync, fuse_file_info* info) {
  if (fs.ops.fsync == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "fsync[%llu] datasync: %d", handle_number(info), datasync);
  return call(fs, fs.ops.fsync, path, datasync, info);
}

int lock(fuse_fs& fs, const char* path, fuse_file_info* info, int command, struct flock* lock) {
  if (fs.ops.lock == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "lock[%llu] %s %s start: %lld len: %lld pid: %d", handle_number(info),
              lock_command(command), lock_type(lock->l_type), static_cast<long long>(lock->l_start),
              static_cast<long long>(lock->l_len), lock->l_pid);
  return call(fs, fs.ops.lock, path, info, command, lock);
}

int flock(fuse_fs& fs, const char* path, fuse_file_info* info, int operation) {
  if (fs.ops.flock == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "flock[%llu] %s%s", handle_number(info), flock_operation(operation),
              (operation & LOCK_NB) != 0 ? "|LOCK_NB" : "");
  return call(fs, fs.ops.flock, path, info, operation);
}

int fallocate(fuse_fs& fs, const char* path, int mode, off_t offset, off_t length,
              fuse_file_info* info) {
  if (fs.ops.fallocate == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "fallocate %s mode %x, offset: %lld, length: %lld", shown(path), mode,
              static_cast<long long>(offset), static_cast<long long>(length));
  return call(fs, fs.ops.fallocate, path, mode, offset, length, info);
}

off_t lseek(fuse_fs& fs, const char* path, off_t offset, int whence, fuse_file_info* info) {
  if (fs.ops.lseek == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "lseek[%s] %lld %d", ShownHandle(info).text(), static_cast<long long>(offset),
              whence);
  return call(fs, fs.ops.lseek, path, offset, whence, info);
}

ssize_t copy_file_range(fuse_fs& fs, const char* path_in, fuse_file_info* in, off_t offset_in,
                        const char* path_out, fuse_file_info* out, off_t offset_out, size_t size,
                        int flags) {
  if (fs.ops.copy_file_range == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "copy_file_range from %s:%lld to %s:%lld, length: %zu", shown(path_in),
              static_cast<long long>(offset_in), shown(path_out),
              static_cast<long long>(offset_out), size);
  return call(fs, fs.ops.copy_file_range, path_in, in, offset_in, path_out, out, offset_out, size,
              flags);
}

int bmap(fuse_fs& fs, const char* path, size_t block_size, uint64_t* index) {
  if (fs.ops.bmap == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "bmap %s blocksize: %zu index: %llu", shown(path), block_size,
              static_cast<unsigned long long>(*index));
  return call(fs, fs.ops.bmap, path, block_size, index);
}

int ioctl(fuse_fs& fs, const char* path, unsigned command, void* argument, fuse_file_info* info,
          unsigned flags, void* data) {
  if (fs.ops.ioctl == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "ioctl[%llu] 0x%x flags: 0x%x", handle_number(info), command, flags);
  return call(fs, fs.ops.ioctl, path, command, argument, info, flags, data);
}

int poll(fuse_fs& fs, const char* path, fuse_file_info* info, fuse_pollhandle* handle,
         unsigned* events) {
  if (fs.ops.poll == nullptr) return -ENOSYS;
  FUSE3_TRACE(fs, "poll[%llu] ph: %p, events 0x%x", handle_number(info), static_cast<void*>(handle),
              info->poll_events);
  const int result = call(fs, fs.ops.poll, path, info, handle, events);
  if (result == 0) {
    FUSE3_TRACE(fs, "   poll[%llu] revents: 0x%x", handle_number(info), *events);
  }
  return result;
}

}  // namespace fuse3::layer
