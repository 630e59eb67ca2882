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

static int Truncate(const char* path, off_t size, struct fuse_file_info* file) {
  int result;
  int fd;
  if (file != NULL) {
    return ResultOf(ftruncate(FdOf(file), size));
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

static int Read(const char* path, char* buffer, size_t size, off_t offset,
                struct fuse_file_info* file) {
  (void)path;
  return ResultOf(pread(FdOf(file), buffer, size, offset));
}

static int Write(const char* path, const char* buffer, size_t size, off_t offset,
                 struct fuse_file_info* file) {
  (void)path;
  return ResultOf(pwrite(FdOf(file), buffer, size, offset));
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
      .read = Read,
      .write = Write,
  };
  AddNameOperations(&operations);
  AddFileOperations(&operations);
  return MirrorMain(argc, argv, &operations);
}
