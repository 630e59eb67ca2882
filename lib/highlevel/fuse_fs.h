// One layer of a high-level filesystem: operations and the data that belongs to them. The top layer
// is what struct fuse calls; a module's operations call the layer below through the same wrappers.
//
// Every wrapper lets the context show this layer's data for the length of the call (LayerContext),
// answers -ENOSYS (or what is said beside it) for an operation that the layer lacks, and writes the
// call into the log when the layer is being debugged. Results are the filesystem's: 0 or more, or a
// negative errno.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fuse.h"

namespace fuse3 {
class Module;
}

struct fuse_fs {
  fuse_operations ops{};  // null: not there
  void* user_data = nullptr;
  bool debug = false;
  bool started = false;             // init() was called
  fuse3::Module* module = nullptr;  // whose code this layer is; null: the program's own
  char* modules = nullptr;          // of the top layer: fuse_config::modules, freed with the layer
};

namespace fuse3 {

// Operations that a program built with newer headers has and the library does not know are left
// out, with a message.
fuse_fs* new_layer(const fuse_operations* ops, size_t ops_size, void* user_data);

namespace layer {

// user_data becomes what the filesystem's init() returns.
void init(fuse_fs& fs, fuse_conn_info& connection, fuse_config& config);
// Calls the filesystem's destroy(), if init() was called, and frees the layer. A module's destroy()
// is called in any case: it frees what is below.
void destroy(fuse_fs* fs);

int getattr(fuse_fs& fs, const char* path, struct stat* attributes, fuse_file_info* info);
int statx(fuse_fs& fs, const char* path, int flags, int mask, struct statx* attributes,
          fuse_file_info* info);
int access(fuse_fs& fs, const char* path, int mask);
int readlink(fuse_fs& fs, const char* path, char* target, size_t size);
int mknod(fuse_fs& fs, const char* path, mode_t mode, dev_t device);
int mkdir(fuse_fs& fs, const char* path, mode_t mode);
int unlink(fuse_fs& fs, const char* path);
int rmdir(fuse_fs& fs, const char* path);
int symlink(fuse_fs& fs, const char* target, const char* path);
int rename(fuse_fs& fs, const char* from, const char* to, unsigned flags);
int link(fuse_fs& fs, const char* from, const char* to);
int chmod(fuse_fs& fs, const char* path, mode_t mode, fuse_file_info* info);
int chown(fuse_fs& fs, const char* path, uid_t uid, gid_t gid, fuse_file_info* info);
int truncate(fuse_fs& fs, const char* path, off_t size, fuse_file_info* info);
int utimens(fuse_fs& fs, const char* path, const timespec times[2], fuse_file_info* info);

// A layer without open(), opendir(), release(), releasedir(): 0.
int open(fuse_fs& fs, const char* path, fuse_file_info* info);
int create(fuse_fs& fs, const char* path, mode_t mode, fuse_file_info* info);
int release(fuse_fs& fs, const char* path, fuse_file_info* info);
int flush(fuse_fs& fs, const char* path, fuse_file_info* info);
int fsync(fuse_fs& fs, const char* path, int datasync, fuse_file_info* info);
int read(fuse_fs& fs, const char* path, char* memory, size_t size, off_t offset,
         fuse_file_info* info);
// Falls back to read(), into memory of malloc() that the caller frees with the vector.
int read_buf(fuse_fs& fs, const char* path, fuse_bufvec** data, size_t size, off_t offset,
             fuse_file_info* info);
int write(fuse_fs& fs, const char* path, const char* memory, size_t size, off_t offset,
          fuse_file_info* info);
// Falls back to write().
int write_buf(fuse_fs& fs, const char* path, fuse_bufvec& data, off_t offset, fuse_file_info* info);
int lock(fuse_fs& fs, const char* path, fuse_file_info* info, int command, struct flock* lock);
int flock(fuse_fs& fs, const char* path, fuse_file_info* info, int operation);
int fallocate(fuse_fs& fs, const char* path, int mode, off_t offset, off_t length,
              fuse_file_info* info);
off_t lseek(fuse_fs& fs, const char* path, off_t offset, int whence, fuse_file_info* info);
ssize_t copy_file_range(fuse_fs& fs, const char* path_in, fuse_file_info* in, off_t offset_in,
                        const char* path_out, fuse_file_info* out, off_t offset_out, size_t size,
                        int flags);
int bmap(fuse_fs& fs, const char* path, size_t block_size, uint64_t* index);
int ioctl(fuse_fs& fs, const char* path, unsigned command, void* argument, fuse_file_info* info,
          unsigned flags, void* data);
int poll(fuse_fs& fs, const char* path, fuse_file_info* info, fuse_pollhandle* handle,
         unsigned* events);

int opendir(fuse_fs& fs, const char* path, fuse_file_info* info);
int readdir(fuse_fs& fs, const char* path, void* buffer, fuse_fill_dir_t filler, off_t offset,
            fuse_file_info* info, fuse_readdir_flags flags);
int releasedir(fuse_fs& fs, const char* path, fuse_file_info* info);
int fsyncdir(fuse_fs& fs, const char* path, int datasync, fuse_file_info* info);

// A layer without it: a statvfs of zeroes with a name length of 255 and blocks of 512 bytes.
int statfs(fuse_fs& fs, const char* path, struct statvfs* facts);
int syncfs(fuse_fs& fs, const char* path);
int setxattr(fuse_fs& fs, const char* path, const char* name, const char* value, size_t size,
             int flags);
int getxattr(fuse_fs& fs, const char* path, const char* name, char* value, size_t size);
int listxattr(fuse_fs& fs, const char* path, char* list, size_t size);
int removexattr(fuse_fs& fs, const char* path, const char* name);

}  // namespace layer
}  // namespace fuse3
