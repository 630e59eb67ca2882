// The operations on fuse_lowlevel_ops' side, by what they are about; operations.cc makes the table.
#pragma once

#include "fuse_lowlevel.h"

namespace fuse3::hl {

// ops_connection.cc
void init(void* data, fuse_conn_info* connection);
void destroy(void* data);
void forget(fuse_req_t req, fuse_ino_t ino, uint64_t count);
void forget_multi(fuse_req_t req, size_t count, fuse_forget_data* items);
void statfs(fuse_req_t req, fuse_ino_t ino);
void syncfs(fuse_req_t req, fuse_ino_t ino);

// ops_names.cc
void lookup(fuse_req_t req, fuse_ino_t parent, const char* name);
void readlink(fuse_req_t req, fuse_ino_t ino);
void mknod(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode, dev_t device);
void mkdir(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode);
void symlink(fuse_req_t req, const char* target, fuse_ino_t parent, const char* name);
void link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char* name);

// ops_removal.cc
void unlink(fuse_req_t req, fuse_ino_t parent, const char* name);
void rmdir(fuse_req_t req, fuse_ino_t parent, const char* name);
void rename(fuse_req_t req, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
            const char* new_name, unsigned flags);

// ops_attributes.cc
void getattr(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info);
void setattr(fuse_req_t req, fuse_ino_t ino, struct stat* wanted, int which, fuse_file_info* info);
void statx(fuse_req_t req, fuse_ino_t ino, int flags, int mask, fuse_file_info* info);
void access(fuse_req_t req, fuse_ino_t ino, int mask);
void setxattr(fuse_req_t req, fuse_ino_t ino, const char* name, const char* value, size_t size,
              int flags);
void getxattr(fuse_req_t req, fuse_ino_t ino, const char* name, size_t size);
void listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void removexattr(fuse_req_t req, fuse_ino_t ino, const char* name);

// ops_files.cc
void open(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info);
void create(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode, fuse_file_info* info);
void flush(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info);
void release(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info);
void fsync(fuse_req_t req, fuse_ino_t ino, int datasync, fuse_file_info* info);

// ops_data.cc
void read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, fuse_file_info* info);
void write(fuse_req_t req, fuse_ino_t ino, const char* data, size_t size, off_t offset,
           fuse_file_info* info);
void write_buf(fuse_req_t req, fuse_ino_t ino, fuse_bufvec* data, off_t offset,
               fuse_file_info* info);
void fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
               fuse_file_info* info);
void lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, fuse_file_info* info);
void copy_file_range(fuse_req_t req, fuse_ino_t in, off_t offset_in, fuse_file_info* info_in,
                     fuse_ino_t out, off_t offset_out, fuse_file_info* info_out, size_t size,
                     int flags);
void bmap(fuse_req_t req, fuse_ino_t ino, size_t block_size, uint64_t index);
void ioctl(fuse_req_t req, fuse_ino_t ino, unsigned command, void* argument, fuse_file_info* info,
           unsigned flags, const void* in, size_t in_size, size_t out_size);
void poll(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info, fuse_pollhandle* handle);

// ops_locks.cc
void getlk(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info, struct flock* lock);
void setlk(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info, struct flock* lock, int sleep);
void flock(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info, int operation);

// ops_directories.cc
void opendir(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info);
void readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, fuse_file_info* info);
void readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, fuse_file_info* info);
void releasedir(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info);
void fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, fuse_file_info* info);

}  // namespace fuse3::hl
