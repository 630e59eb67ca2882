/* passthrough_fh: mirrors a directory; files and directories that are open stay open.
 *
 *     passthrough_fh -o source=/srv /mnt
 *
 * As passthrough, but whatever is asked of an open file is done to the descriptor behind it, with
 * no path in between: a file that was renamed or removed meanwhile is still the one that was
 * opened, and data moves by splice(2). Build it with:
 *
 *     cc passthrough_fh.c mirror.c $(pkg-config --cflags --libs fuse3) -o passthrough_fh
 */

#define FUSE_USE_VERSION 312

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mirror.h"

static void* Init(struct fuse_conn_info* connection, struct fuse_config* config) {
  config->use_ino = 1;
  /* Operations on open files need no path, so the library need not keep one for them. */
  config->nullpath_ok = 1;
  /* The mirrored files may change behind the mount's back, so nothing is cached. */
  config->entry_timeout = 0;
  config->attr_timeout = 0;
  config->negative_timeout = 0;
  WantForMirror(connection);
  return NULL;
}

/* Attributes: of the open file where there is one. */

static int GetAttr(const char* path, struct stat* attributes, struct fuse_file_info* file) {
  return ResultOf(file != NULL
                      ? fstat(FdOf(file), attributes)
                      : fstatat(mirror_root, BelowRoot(path), attributes, AT_SYMLINK_NOFOLLOW));
}

static int ChMod(const char* path, mode_t mode, struct fuse_file_info* file) {
  return ResultOf(file != NULL ? fchmod(FdOf(file), mode)
                               : fchmodat(mirror_root, BelowRoot(path), mode, 0));
}

static int ChOwn(const char* path, uid_t uid, gid_t gid, struct fuse_file_info* file) {
  return ResultOf(file != NULL
                      ? fchown(FdOf(file), uid, gid)
                      : fchownat(mirror_root, BelowRoot(path), uid, gid, AT_SYMLINK_NOFOLLOW));
}

static int UTimeNs(const char* path, const struct timespec times[2], struct fuse_file_info* file) {
  return ResultOf(file != NULL
                      ? futimens(FdOf(file), times)
                      : utimensat(mirror_root, BelowRoot(path), times, AT_SYMLINK_NOFOLLOW));
}

static int Truncate(const char* path, off_t size, struct fuse_file_info* file) {
  int fd = file != NULL ? FdOf(file) : OpenBelow(path, O_WRONLY);
  int result;
  if (fd < 0) {
    return -errno;
  }
  result = ResultOf(ftruncate(fd, size));
  if (file == NULL) {
    close(fd);
  }
  return result;
}

/* Directories: a handle is a stream with a place in it. The kernel reads a directory's descriptor
   from one thread at a time. */

struct OpenDirectory {
  DIR* stream;
  off_t offset;         /* where the stream is */
  struct dirent* entry; /* was read and did not fit; NULL for none */
};

static struct OpenDirectory* DirectoryOf(const struct fuse_file_info* file) {
  return (struct OpenDirectory*)(uintptr_t)file->fh;
}

static int OpenDir(const char* path, struct fuse_file_info* file) {
  struct OpenDirectory* directory;
  const int fd = OpenBelow(path, O_RDONLY | O_DIRECTORY);
  if (fd < 0) {
    return -errno;
  }
  directory = calloc(1, sizeof(*directory));
  if (directory != NULL) {
    directory->stream = fdopendir(fd);
  }
  if (directory == NULL || directory->stream == NULL) {
    free(directory);
    close(fd);
    return -ENOMEM;
  }
  file->fh = (uintptr_t)directory;
  return 0;
}

/* With FUSE_READDIR_PLUS the kernel would like all attributes, which saves it a lookup each. */
static enum fuse_fill_dir_flags Describe(const struct OpenDirectory* directory,
                                         enum fuse_readdir_flags flags, struct stat* attributes) {
  if ((flags & FUSE_READDIR_PLUS) != 0 &&
      fstatat(dirfd(directory->stream), directory->entry->d_name, attributes,
              AT_SYMLINK_NOFOLLOW) == 0) {
    return FUSE_FILL_DIR_PLUS;
  }
  memset(attributes, 0, sizeof(*attributes));
  attributes->st_ino = directory->entry->d_ino;
  attributes->st_mode = DTTOIF(directory->entry->d_type);
  return (enum fuse_fill_dir_flags)0;
}

static int ReadDir(const char* path, void* buffer, fuse_fill_dir_t fill, off_t offset,
                   struct fuse_file_info* file, enum fuse_readdir_flags flags) {
  struct OpenDirectory* directory = DirectoryOf(file);
  (void)path;
  if (offset != directory->offset) {
    seekdir(directory->stream, offset);
    directory->entry = NULL;
    directory->offset = offset;
  }
  while (1) {
    struct stat attributes;
    enum fuse_fill_dir_flags fill_flags;
    off_t next;
    if (directory->entry == NULL) {
      errno = 0;
      directory->entry = readdir(directory->stream);
      if (directory->entry == NULL) {
        return -errno;
      }
    }
    fill_flags = Describe(directory, flags, &attributes);
    next = telldir(directory->stream);
    if (fill(buffer, directory->entry->d_name, &attributes, next, fill_flags) != 0) {
      return 0;
    }
    directory->entry = NULL;
    directory->offset = next;
  }
}

static int FSyncDir(const char* path, int data_only, struct fuse_file_info* file) {
  const int fd = dirfd(DirectoryOf(file)->stream);
  (void)path;
  return ResultOf(data_only ? fdatasync(fd) : fsync(fd));
}

static int ReleaseDir(const char* path, struct fuse_file_info* file) {
  (void)path;
  closedir(DirectoryOf(file)->stream);
  free(DirectoryOf(file));
  return 0;
}

/* Files. */

/* Says where the data is; the library moves it from there to the kernel. */
static int ReadBuf(const char* path, struct fuse_bufvec** result, size_t size, off_t offset,
                   struct fuse_file_info* file) {
  struct fuse_bufvec* range = malloc(sizeof(*range));
  (void)path;
  if (range == NULL) {
    return -ENOMEM;
  }
  *range = FUSE_BUFVEC_INIT(size);
  range->buf[0].flags = (enum fuse_buf_flags)(FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK);
  range->buf[0].fd = FdOf(file);
  range->buf[0].pos = offset;
  *result = range;
  return 0;
}

static int WriteBuf(const char* path, struct fuse_bufvec* source, off_t offset,
                    struct fuse_file_info* file) {
  struct fuse_bufvec target = FUSE_BUFVEC_INIT(fuse_buf_size(source));
  (void)path;
  target.buf[0].flags = (enum fuse_buf_flags)(FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK);
  target.buf[0].fd = FdOf(file);
  target.buf[0].pos = offset;
  return (int)fuse_buf_copy(&target, source, FUSE_BUF_SPLICE_NONBLOCK);
}

/* An application closed one of its descriptors. Some filesystems tell of late errors only on a
   close, so one is closed here, too, while the file itself stays open. */
static int Flush(const char* path, struct fuse_file_info* file) {
  const int copy = fcntl(FdOf(file), F_DUPFD_CLOEXEC, 0);
  (void)path;
  return copy < 0 ? -errno : ResultOf(close(copy));
}

static int Flock(const char* path, struct fuse_file_info* file, int operation) {
  (void)path;
  return ResultOf(flock(FdOf(file), operation));
}

int main(int argc, char* argv[]) {
  struct fuse_operations operations = {
      .init = Init,
      .getattr = GetAttr,
      .chmod = ChMod,
      .chown = ChOwn,
      .utimens = UTimeNs,
      .truncate = Truncate,
      .opendir = OpenDir,
      .readdir = ReadDir,
      .fsyncdir = FSyncDir,
      .releasedir = ReleaseDir,
      .read_buf = ReadBuf,
      .write_buf = WriteBuf,
      .flush = Flush,
      .flock = Flock,
  };
  AddNameOperations(&operations);
  AddFileOperations(&operations);
  return MirrorMain(argc, argv, &operations);
}
