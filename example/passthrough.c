/* passthrough: mirrors a directory, by path names.
 *
 *     passthrough -o source=/srv /mnt
 *
 * Every operation becomes the system call of the same name, with the path it was given: the
 * simplest way to write a filesystem. passthrough_fh is the same with open files in mind. Build it
 * with:
 *
 *     cc passthrough.c mirror.c $(pkg-config --cflags --libs fuse3) -o passthrough
 */

#define FUSE_USE_VERSION 312

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mirror.h"

static void* Init(struct fuse_conn_info* connection, struct fuse_config* config) {
  config->use_ino = 1;
  /* The mirrored files may change behind the mount's back, so nothing is cached. */
  config->entry_timeout = 0;
  config->attr_timeout = 0;
  config->negative_timeout = 0;
  WantForMirror(connection);
  return NULL;
}

static int GetAttr(const char* path, struct stat* attributes, struct fuse_file_info* file) {
  (void)file;
  return ResultOf(fstatat(mirror_root, BelowRoot(path), attributes, AT_SYMLINK_NOFOLLOW));
}

static int ChMod(const char* path, mode_t mode, struct fuse_file_info* file) {
  (void)file;
  return ResultOf(fchmodat(mirror_root, BelowRoot(path), mode, 0));
}

static int ChOwn(const char* path, uid_t uid, gid_t gid, struct fuse_file_info* file) {
  (void)file;
  return ResultOf(fchownat(mirror_root, BelowRoot(path), uid, gid, AT_SYMLINK_NOFOLLOW));
}

static int UTimeNs(const char* path, const struct timespec times[2], struct fuse_file_info* file) {
  (void)file;
  return ResultOf(utimensat(mirror_root, BelowRoot(path), times, AT_SYMLINK_NOFOLLOW));
}

static int OpenBelow(const char* path, int flags) {
  /* The kernel has seen O_DIRECT and keeps its cache out of the way; memory here is not aligned. */
  return openat(mirror_root, BelowRoot(path), (flags & ~O_DIRECT) | O_CLOEXEC | O_NOFOLLOW);
}

static int Truncate(const char* path, off_t size, struct fuse_file_info* file) {
  int result;
  int fd;
  if (file != NULL) {
    return ResultOf(ftruncate((int)file->fh, size));
  }
  fd = OpenBelow(path, O_WRONLY);
  if (fd < 0) {
    return -errno;
  }
  result = ResultOf(ftruncate(fd, size));
  close(fd);
  return result;
}

static int ReadDir(const char* path, void* buffer, fuse_fill_dir_t fill, off_t offset,
                   struct fuse_file_info* file, enum fuse_readdir_flags flags) {
  struct dirent* entry;
  DIR* directory;
  int fd = OpenBelow(path, O_RDONLY | O_DIRECTORY);
  (void)offset;
  (void)file;
  (void)flags;
  if (fd < 0) {
    return -errno;
  }
  directory = fdopendir(fd);
  if (directory == NULL) {
    const int error = errno;
    close(fd);
    return -error;
  }
  while ((entry = readdir(directory)) != NULL) {
    struct stat attributes;
    memset(&attributes, 0, sizeof(attributes));
    attributes.st_ino = entry->d_ino;
    attributes.st_mode = DTTOIF(entry->d_type);
    if (fill(buffer, entry->d_name, &attributes, 0, (enum fuse_fill_dir_flags)0) != 0) {
      break;
    }
  }
  closedir(directory);
  return 0;
}

static int Opened(int fd, struct fuse_file_info* file) {
  if (fd < 0) {
    return -errno;
  }
  file->fh = (uint64_t)fd;
  return 0;
}

static int Create(const char* path, mode_t mode, struct fuse_file_info* file) {
  int fd;
  ActAsCaller();
  fd = openat(mirror_root, BelowRoot(path),
              (file->flags & ~O_DIRECT) | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
  ActAsServer();
  return Opened(fd, file);
}

static int Open(const char* path, struct fuse_file_info* file) {
  return Opened(OpenBelow(path, file->flags), file);
}

static int Read(const char* path, char* buffer, size_t size, off_t offset,
                struct fuse_file_info* file) {
  (void)path;
  return ResultOf(pread((int)file->fh, buffer, size, offset));
}

static int Write(const char* path, const char* buffer, size_t size, off_t offset,
                 struct fuse_file_info* file) {
  (void)path;
  return ResultOf(pwrite((int)file->fh, buffer, size, offset));
}

static int Release(const char* path, struct fuse_file_info* file) {
  (void)path;
  return ResultOf(close((int)file->fh));
}

static int FSync(const char* path, int data_only, struct fuse_file_info* file) {
  (void)path;
  return ResultOf(data_only ? fdatasync((int)file->fh) : fsync((int)file->fh));
}

static int FAllocate(const char* path, int mode, off_t offset, off_t length,
                     struct fuse_file_info* file) {
  (void)path;
  return ResultOf(fallocate((int)file->fh, mode, offset, length));
}

static ssize_t CopyFileRange(const char* path_in, struct fuse_file_info* in, off_t offset_in,
                             const char* path_out, struct fuse_file_info* out, off_t offset_out,
                             size_t size, int flags) {
  const ssize_t copied = copy_file_range((int)in->fh, &offset_in, (int)out->fh, &offset_out, size,
                                         (unsigned int)flags);
  (void)path_in;
  (void)path_out;
  return copied < 0 ? -errno : copied;
}

static off_t LSeek(const char* path, off_t offset, int whence, struct fuse_file_info* file) {
  const off_t found = lseek((int)file->fh, offset, whence);
  (void)path;
  return found < 0 ? -errno : found;
}

int main(int argc, char* argv[]) {
  struct fuse_operations operations = {
      .init = Init,
      .getattr = GetAttr,
      .chmod = ChMod,
      .chown = ChOwn,
      .utimens = UTimeNs,
      .truncate = Truncate,
      .readdir = ReadDir,
      .create = Create,
      .open = Open,
      .read = Read,
      .write = Write,
      .release = Release,
      .fsync = FSync,
      .fallocate = FAllocate,
      .copy_file_range = CopyFileRange,
      .lseek = LSeek,
  };
  AddNameOperations(&operations);
  return MirrorMain(argc, argv, &operations);
}
