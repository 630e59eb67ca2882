// fuse.h: what a module calls of the filesystem below it
#include "abi/export.h"
#include "highlevel/fuse_fs.h"

namespace layer = fuse3::layer;

FUSE3_EXPORT fuse_fs* fuse_fs_new(const fuse_operations* op, size_t op_size, void* private_data) {
  return fuse3::new_layer(op, op_size, private_data);
}

FUSE3_EXPORT void fuse_fs_init(fuse_fs* fs, fuse_conn_info* conn, fuse_config* cfg) {
  layer::init(*fs, *conn, *cfg);
}

FUSE3_EXPORT void fuse_fs_destroy(fuse_fs* fs) {
  layer::destroy(fs);
}

FUSE3_EXPORT int fuse_fs_getattr(fuse_fs* fs, const char* path, struct stat* buf,
                                 fuse_file_info* fi) {
  return layer::getattr(*fs, path, buf, fi);
}

FUSE3_EXPORT int fuse_fs_access(fuse_fs* fs, const char* path, int mask) {
  return layer::access(*fs, path, mask);
}

FUSE3_EXPORT int fuse_fs_readlink(fuse_fs* fs, const char* path, char* buf, size_t len) {
  return layer::readlink(*fs, path, buf, len);
}

FUSE3_EXPORT int fuse_fs_mknod(fuse_fs* fs, const char* path, mode_t mode, dev_t rdev) {
  return layer::mknod(*fs, path, mode, rdev);
}

FUSE3_EXPORT int fuse_fs_mkdir(fuse_fs* fs, const char* path, mode_t mode) {
  return layer::mkdir(*fs, path, mode);
}

FUSE3_EXPORT int fuse_fs_unlink(fuse_fs* fs, const char* path) {
  return layer::unlink(*fs, path);
}

FUSE3_EXPORT int fuse_fs_rmdir(fuse_fs* fs, const char* path) {
  return layer::rmdir(*fs, path);
}

FUSE3_EXPORT int fuse_fs_symlink(fuse_fs* fs, const char* linkname, const char* path) {
  return layer::symlink(*fs, linkname, path);
}

FUSE3_EXPORT int fuse_fs_rename(fuse_fs* fs, const char* oldpath, const char* newpath,
                                unsigned flags) {
  return layer::rename(*fs, oldpath, newpath, flags);
}

FUSE3_EXPORT int fuse_fs_link(fuse_fs* fs, const char* oldpath, const char* newpath) {
  return layer::link(*fs, oldpath, newpath);
}

FUSE3_EXPORT int fuse_fs_chmod(fuse_fs* fs, const char* path, mode_t mode, fuse_file_info* fi) {
  return layer::chmod(*fs, path, mode, fi);
}

FUSE3_EXPORT int fuse_fs_chown(fuse_fs* fs, const char* path, uid_t uid, gid_t gid,
                               fuse_file_info* fi) {
  return layer::chown(*fs, path, uid, gid, fi);
}

FUSE3_EXPORT int fuse_fs_truncate(fuse_fs* fs, const char* path, off_t size, fuse_file_info* fi) {
  return layer::truncate(*fs, path, size, fi);
}

FUSE3_EXPORT int fuse_fs_utimens(fuse_fs* fs, const char* path, const timespec* tv,
                                 fuse_file_info* fi) {
  return layer::utimens(*fs, path, tv, fi);
}

FUSE3_EXPORT int fuse_fs_open(fuse_fs* fs, const char* path, fuse_file_info* fi) {
  return layer::open(*fs, path, fi);
}

FUSE3_EXPORT int fuse_fs_create(fuse_fs* fs, const char* path, mode_t mode, fuse_file_info* fi) {
  return layer::create(*fs, path, mode, fi);
}

FUSE3_EXPORT int fuse_fs_release(fuse_fs* fs, const char* path, fuse_file_info* fi) {
  return layer::release(*fs, path, fi);
}

FUSE3_EXPORT int fuse_fs_flush(fuse_fs* fs, const char* path, fuse_file_info* fi) {
  return layer::flush(*fs, path, fi);
}

FUSE3_EXPORT int fuse_fs_fsync(fuse_fs* fs, const char* path, int datasync, fuse_file_info* fi) {
  return layer::fsync(*fs, path, datasync, fi);
}

FUSE3_EXPORT int fuse_fs_read(fuse_fs* fs, const char* path, char* buf, size_t size, off_t off,
                              fuse_file_info* fi) {
  return layer::read(*fs, path, buf, size, off, fi);
}

FUSE3_EXPORT int fuse_fs_read_buf(fuse_fs* fs, const char* path, fuse_bufvec** bufp, size_t size,
                                  off_t off, fuse_file_info* fi) {
  return layer::read_buf(*fs, path, bufp, size, off, fi);
}

FUSE3_EXPORT int fuse_fs_write(fuse_fs* fs, const char* path, const char* buf, size_t size,
                               off_t off, fuse_file_info* fi) {
  return layer::write(*fs, path, buf, size, off, fi);
}

FUSE3_EXPORT int fuse_fs_write_buf(fuse_fs* fs, const char* path, fuse_bufvec* buf, off_t off,
                                   fuse_file_info* fi) {
  return layer::write_buf(*fs, path, *buf, off, fi);
}

FUSE3_EXPORT int fuse_fs_lock(fuse_fs* fs, const char* path, fuse_file_info* fi, int cmd,
                              struct flock* lock) {
  return layer::lock(*fs, path, fi, cmd, lock);
}

FUSE3_EXPORT int fuse_fs_flock(fuse_fs* fs, const char* path, fuse_file_info* fi, int op) {
  return layer::flock(*fs, path, fi, op);
}

FUSE3_EXPORT int fuse_fs_fallocate(fuse_fs* fs, const char* path, int mode, off_t offset,
                                   off_t length, fuse_file_info* fi) {
  return layer::fallocate(*fs, path, mode, offset, length, fi);
}

FUSE3_EXPORT off_t fuse_fs_lseek(fuse_fs* fs, const char* path, off_t off, int whence,
                                 fuse_file_info* fi) {
  return layer::lseek(*fs, path, off, whence, fi);
}

FUSE3_EXPORT ssize_t fuse_fs_copy_file_range(fuse_fs* fs, const char* path_in,
                                             fuse_file_info* fi_in, off_t off_in,
                                             const char* path_out, fuse_file_info* fi_out,
                                             off_t off_out, size_t len, int flags) {
  return layer::copy_file_range(*fs, path_in, fi_in, off_in, path_out, fi_out, off_out, len, flags);
}

FUSE3_EXPORT int fuse_fs_bmap(fuse_fs* fs, const char* path, size_t blocksize, uint64_t* idx) {
  return layer::bmap(*fs, path, blocksize, idx);
}

FUSE3_EXPORT int fuse_fs_ioctl(fuse_fs* fs, const char* path, unsigned cmd, void* arg,
                               fuse_file_info* fi, unsigned flags, void* data) {
  return layer::ioctl(*fs, path, cmd, arg, fi, flags, data);
}

FUSE3_EXPORT int fuse_fs_poll(fuse_fs* fs, const char* path, fuse_file_info* fi,
                              fuse_pollhandle* ph, unsigned* reventsp) {
  return layer::poll(*fs, path, fi, ph, reventsp);
}

FUSE3_EXPORT int fuse_fs_opendir(fuse_fs* fs, const char* path, fuse_file_info* fi) {
  return layer::opendir(*fs, path, fi);
}

FUSE3_EXPORT int fuse_fs_readdir(fuse_fs* fs, const char* path, void* buf, fuse_fill_dir_t filler,
                                 off_t off, fuse_file_info* fi, fuse_readdir_flags flags) {
  return layer::readdir(*fs, path, buf, filler, off, fi, flags);
}

FUSE3_EXPORT int fuse_fs_releasedir(fuse_fs* fs, const char* path, fuse_file_info* fi) {
  return layer::releasedir(*fs, path, fi);
}

FUSE3_EXPORT int fuse_fs_fsyncdir(fuse_fs* fs, const char* path, int datasync, fuse_file_info* fi) {
  return layer::fsyncdir(*fs, path, datasync, fi);
}

FUSE3_EXPORT int fuse_fs_statfs(fuse_fs* fs, const char* path, struct statvfs* buf) {
  return layer::statfs(*fs, path, buf);
}

FUSE3_EXPORT int fuse_fs_setxattr(fuse_fs* fs, const char* path, const char* name,
                                  const char* value, size_t size, int flags) {
  return layer::setxattr(*fs, path, name, value, size, flags);
}

FUSE3_EXPORT int fuse_fs_getxattr(fuse_fs* fs, const char* path, const char* name, char* value,
                                  size_t size) {
  return layer::getxattr(*fs, path, name, value, size);
}

FUSE3_EXPORT int fuse_fs_listxattr(fuse_fs* fs, const char* path, char* list, size_t size) {
  return layer::listxattr(*fs, path, list, size);
}

FUSE3_EXPORT int fuse_fs_removexattr(fuse_fs* fs, const char* path, const char* name) {
  return layer::removexattr(*fs, path, name);
}
