/* cuse: a character device that is a piece of memory.
 *
 *     cuse -f --name=mydevice & echo hello > /dev/mydevice; cuse_client /dev/mydevice copy 0 5
 *
 * It knows the commands in ioctl.h. The kernel lets an unrestricted device see the argument as it
 * is and fetch what it points to with fuse_reply_ioctl_retry(): the operation is called again with
 * that memory. With --restricted it has only the commands whose number says all.
 */

#define FUSE_USE_VERSION 312

#include <cuse_lowlevel.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ioctl.h"

enum { kMost = 1 << 20 };

static struct {
  char* name;
  unsigned major;
  unsigned minor;
  int restricted;
} settings;

static const struct fuse_opt kOptions[] = {
    {"--name=%s", offsetof(__typeof__(settings), name), 0},
    {"--major=%u", offsetof(__typeof__(settings), major), 0},
    {"--minor=%u", offsetof(__typeof__(settings), minor), 0},
    {"--restricted", offsetof(__typeof__(settings), restricted), 1},
    FUSE_OPT_END};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char memory[kMost]; /* both guarded by the lock */
static uint64_t memory_size;

static void Read(fuse_req_t req, size_t size, off_t offset, struct fuse_file_info* info) {
  (void)info;
  pthread_mutex_lock(&lock);
  uint64_t start = (uint64_t)offset < memory_size ? (uint64_t)offset : memory_size;
  uint64_t rest = memory_size - start;
  fuse_reply_buf(req, memory + start, size < rest ? size : rest);
  pthread_mutex_unlock(&lock);
}

static void Write(fuse_req_t req, const char* data, size_t size, off_t offset,
                  struct fuse_file_info* info) {
  (void)info;
  if ((uint64_t)offset > kMost || size > kMost - (uint64_t)offset) {
    fuse_reply_err(req, ENOSPC);
    return;
  }
  pthread_mutex_lock(&lock);
  memcpy(memory + offset, data, size);
  if (memory_size < (uint64_t)offset + size) {
    memory_size = (uint64_t)offset + size;
  }
  pthread_mutex_unlock(&lock);
  fuse_reply_write(req, size);
}

static void GetSize(fuse_req_t req, void* argument, size_t out_size) {
  if (out_size == 0) {
    struct iovec out = {argument, sizeof(uint64_t)};
    fuse_reply_ioctl_retry(req, NULL, 0, &out, 1);
    return;
  }
  pthread_mutex_lock(&lock);
  uint64_t size = memory_size;
  pthread_mutex_unlock(&lock);
  fuse_reply_ioctl(req, 0, &size, sizeof(size));
}

static void SetSize(fuse_req_t req, void* argument, const void* in, size_t in_size) {
  if (in_size == 0) {
    struct iovec wanted = {argument, sizeof(uint64_t)};
    fuse_reply_ioctl_retry(req, &wanted, 1, NULL, 0);
    return;
  }
  uint64_t size;
  memcpy(&size, in, sizeof(size));
  if (size > kMost) {
    fuse_reply_err(req, ENOSPC);
    return;
  }
  pthread_mutex_lock(&lock);
  if (size < memory_size) {
    memset(memory + size, 0, memory_size - size);
  }
  memory_size = size;
  pthread_mutex_unlock(&lock);
  fuse_reply_ioctl(req, 0, NULL, 0);
}

/* Called up to three times: without memory; with the structure, which says where the data is to go;
 * and with room for that. */
static void Copy(fuse_req_t req, void* argument, unsigned flags, const void* in, size_t in_size,
                 size_t out_size) {
  if ((flags & FUSE_IOCTL_UNRESTRICTED) == 0) {
    fuse_reply_err(req, ENOTTY);
    return;
  }
  struct iovec whole = {argument, sizeof(struct example_copy)};
  if (in_size == 0) {
    fuse_reply_ioctl_retry(req, &whole, 1, NULL, 0);
    return;
  }
  struct example_copy copy;
  memcpy(&copy, in, sizeof(copy));
  pthread_mutex_lock(&lock);
  uint64_t start = copy.offset < memory_size ? copy.offset : memory_size;
  uint64_t length = memory_size - start;
  if (length > copy.length) {
    length = copy.length;
  }
  if (length > 0 && out_size == 0) {
    struct iovec out = {(void*)(uintptr_t)copy.address, length};
    fuse_reply_ioctl_retry(req, &whole, 1, &out, 1);
  } else {
    /* The size may have changed since the room was asked for. */
    length = length < out_size ? length : out_size;
    fuse_reply_ioctl(req, (int)length, memory + start, length);
  }
  pthread_mutex_unlock(&lock);
}

static void Ioctl(fuse_req_t req, int command, void* argument, struct fuse_file_info* info,
                  unsigned flags, const void* in, size_t in_size, size_t out_size) {
  (void)info;
  switch ((unsigned)command) {
    case EXAMPLE_GET_SIZE:
      GetSize(req, argument, out_size);
      break;
    case EXAMPLE_SET_SIZE:
      SetSize(req, argument, in, in_size);
      break;
    case EXAMPLE_COPY:
      Copy(req, argument, flags, in, in_size, out_size);
      break;
    default:
      fuse_reply_err(req, ENOTTY);
  }
}

/* Memory is always ready, so there is nothing to report later. */
static void Poll(fuse_req_t req, struct fuse_file_info* info, struct fuse_pollhandle* handle) {
  (void)info;
  if (handle != NULL) {
    fuse_pollhandle_destroy(handle);
  }
  fuse_reply_poll(req, POLLIN | POLLOUT);
}

static const struct cuse_lowlevel_ops kOperations = {
    .read = Read, .write = Write, .ioctl = Ioctl, .poll = Poll};

int main(int argc, char* argv[]) {
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  int status = EXIT_FAILURE;
  if (fuse_opt_parse(&args, &settings, kOptions, NULL) == 0) {
    char name[256];
    snprintf(name, sizeof(name), "DEVNAME=%s",
             settings.name != NULL ? settings.name : "cuse_example");
    const char* texts[] = {name};
    const struct cuse_info info = {.dev_major = settings.major,
                                   .dev_minor = settings.minor,
                                   .dev_info_argc = 1,
                                   .dev_info_argv = texts,
                                   .flags = settings.restricted ? 0 : CUSE_UNRESTRICTED_IOCTL};
    status = cuse_lowlevel_main(args.argc, args.argv, &info, &kOperations, NULL);
  }
  free(settings.name);
  fuse_opt_free_args(&args);
  return status;
}
