/* passthrough_fh with the operations that mirrors have no use for, so that crashes can meet them:
 * ioctl, poll, bmap, statx, syncfs and record locks. The linker puts this in the way of
 * MirrorMain() (--wrap). It says so when it is destroyed. */
#define FUSE_USE_VERSION 318

#include "rare_mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../example/mirror.h"

enum { kFirstBlock = 100 };

static int Ioctl(const char* path, unsigned int command, void* argument,
                 struct fuse_file_info* file, unsigned int flags, void* data) {
  int32_t number = 0;
  (void)path;
  (void)argument;
  (void)flags;
  if (pread(FdOf(file), &number, sizeof(number), 0) != sizeof(number)) return -EINVAL;
  if (command == (unsigned)COUNTER_GET) {
    *(int32_t*)data = number;
    return 0;
  }
  if (command != (unsigned)COUNTER_ADD) return -ENOTTY;
  ++number;
  return pwrite(FdOf(file), &number, sizeof(number), 0) == sizeof(number) ? 0 : -EIO;
}

static int Poll(const char* path, struct fuse_file_info* file, struct fuse_pollhandle* handle,
                unsigned* events) {
  struct stat attributes;
  (void)path;
  if (handle != NULL) fuse_pollhandle_destroy(handle);
  *events = fstat(FdOf(file), &attributes) == 0 && attributes.st_size > 0 ? POLLIN : 0;
  return 0;
}

static int Bmap(const char* path, size_t block_size, uint64_t* block) {
  (void)path;
  (void)block_size;
  *block += kFirstBlock;
  return 0;
}

static int Statx(const char* path, int flags, int mask, struct statx* found,
                 struct fuse_file_info* file) {
  const int sync = flags & AT_STATX_SYNC_TYPE;
  return ResultOf(file != NULL ? statx(FdOf(file), "", AT_EMPTY_PATH | sync, (unsigned)mask, found)
                               : statx(mirror_root, BelowRoot(path), AT_SYMLINK_NOFOLLOW | sync,
                                       (unsigned)mask, found));
}

static int SyncFs(const char* path) {
  const int fd = OpenBelow(path, O_RDONLY | O_DIRECTORY);
  int result;
  if (fd < 0) return -errno;
  result = ResultOf(syncfs(fd));
  close(fd);
  return result;
}

/* Of the open file behind, of which each owner here has one of its own: enough for owners that do
   not share one. */
static int Lock(const char* path, struct fuse_file_info* file, int command, struct flock* range) {
  const int open_file = command == F_GETLK   ? F_OFD_GETLK
                        : command == F_SETLK ? F_OFD_SETLK
                                             : F_OFD_SETLKW;
  struct flock mine = *range;
  (void)path;
  mine.l_pid = 0;
  if (fcntl(FdOf(file), open_file, &mine) != 0) return -errno;
  if (command == F_GETLK) *range = mine;
  return 0;
}

static void Destroy(void* data) {
  (void)data;
  fputs("destroyed\n", stderr);
}

int __real_MirrorMain(int argc, char* argv[], const struct fuse_operations* operations);
int __wrap_MirrorMain(int argc, char* argv[], const struct fuse_operations* operations);

int __wrap_MirrorMain(int argc, char* argv[], const struct fuse_operations* operations) {
  struct fuse_operations all = *operations;
  all.destroy = Destroy;
  all.ioctl = Ioctl;
  all.poll = Poll;
  all.bmap = Bmap;
  all.statx = Statx;
  all.syncfs = SyncFs;
  all.lock = Lock;
  return __real_MirrorMain(argc, argv, &all);
}
