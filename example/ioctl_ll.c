/* ioctl_ll: a file whose size is asked for and set with ioctl(2).
 *
 *     ioctl_ll /mnt; ioctl_client /mnt/memory 100; ioctl_client /mnt/memory
 *
 * The kernel knows from a command's number (ioctl.h) what to copy: here it arrives in in_buf, and
 * goes back with fuse_reply_ioctl().
 */

#define FUSE_USE_VERSION 312

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ioctl.h"
#include "serve.h"

enum { kMost = 1 << 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char memory[kMost]; /* both guarded by the lock */
static size_t memory_size;

static struct shown_file File(void) {
  pthread_mutex_lock(&lock);
  struct shown_file file = {.name = "memory", .mode = 0644, .size = memory_size, .timeout = 0};
  pthread_mutex_unlock(&lock);
  return file;
}

/* What lies beyond the size is zero, so that it is when the file grows again. */
static int Resize(uint64_t size) {
  if (size > kMost) {
    return EFBIG;
  }
  pthread_mutex_lock(&lock);
  if (size < memory_size) {
    memset(memory + size, 0, memory_size - size);
  }
  memory_size = size;
  pthread_mutex_unlock(&lock);
  return 0;
}

static void SetAttr(fuse_req_t req, fuse_ino_t ino, struct stat* attributes, int to_set,
                    struct fuse_file_info* info) {
  int error = (to_set & FUSE_SET_ATTR_SIZE) != 0 ? Resize((uint64_t)attributes->st_size) : 0;
  if (error != 0) {
    fuse_reply_err(req, error);
  } else {
    ShowAttributes(req, ino, info);
  }
}

/* The size changes behind the kernel's back: nothing is to be cached. */
static void Open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info) {
  (void)ino;
  if ((info->flags & O_TRUNC) != 0) {
    Resize(0);
  }
  info->direct_io = 1;
  fuse_reply_open(req, info);
}

static void Read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                 struct fuse_file_info* info) {
  (void)ino;
  (void)info;
  pthread_mutex_lock(&lock);
  ReplyPart(req, memory, memory_size, size, offset);
  pthread_mutex_unlock(&lock);
}

static void Write(fuse_req_t req, fuse_ino_t ino, const char* data, size_t size, off_t offset,
                  struct fuse_file_info* info) {
  (void)ino;
  (void)info;
  if ((size_t)offset > kMost || size > kMost - (size_t)offset) {
    fuse_reply_err(req, EFBIG);
    return;
  }
  pthread_mutex_lock(&lock);
  memcpy(memory + offset, data, size);
  if (memory_size < (size_t)offset + size) {
    memory_size = (size_t)offset + size;
  }
  pthread_mutex_unlock(&lock);
  fuse_reply_write(req, size);
}

static void SetSize(fuse_req_t req, const void* in, size_t in_size) {
  uint64_t size;
  if (in_size != sizeof(size)) {
    fuse_reply_err(req, EINVAL);
    return;
  }
  memcpy(&size, in, sizeof(size));
  int error = Resize(size);
  if (error != 0) {
    fuse_reply_err(req, error);
  } else {
    fuse_reply_ioctl(req, 0, NULL, 0);
  }
}

static void Ioctl(fuse_req_t req, fuse_ino_t ino, unsigned command, void* argument,
                  struct fuse_file_info* info, unsigned flags, const void* in, size_t in_size,
                  size_t out_size) {
  (void)argument;
  (void)info;
  (void)out_size;
  /* The kernel of a machine with 64 bits tells when the caller has 32; this interface is the same.
   */
  if ((flags & FUSE_IOCTL_DIR) != 0 || ino != kFileInode) {
    fuse_reply_err(req, ENOTTY);
    return;
  }
  switch (command) {
    case EXAMPLE_GET_SIZE: {
      uint64_t size = File().size;
      fuse_reply_ioctl(req, 0, &size, sizeof(size));
      break;
    }
    case EXAMPLE_SET_SIZE:
      SetSize(req, in, in_size);
      break;
    default:
      fuse_reply_err(req, ENOTTY);
  }
}

int main(int argc, char* argv[]) {
  const struct example example = {
      .file = File,
      .operations = {
          .setattr = SetAttr, .open = Open, .read = Read, .write = Write, .ioctl = Ioctl}};
  return RunExample(argc, argv, &example);
}
