/* What few filesystems of the high-level API have: waiting that can be interrupted, poll, ioctl,
 * bmap, and contents that change by themselves.
 *
 *     rare_hl -o below=FILE MOUNTPOINT
 *
 * file shows FILE. Reading slow takes for ever. bell can be read once something is written to
 * button. box keeps one number: ioctl. Reads, and interrupts that arrive, are told on standard
 * error. */
#define FUSE_USE_VERSION 318

#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define BOX_GET _IOR('r', 1, int)
#define BOX_SET _IOW('r', 2, int)
enum { kFirstBlock = 100, kLongest = 60 };

static char* below;
static const struct fuse_opt kOptions[] = {{"below=%s", 0, 0}, FUSE_OPT_END};
static const char* const kNames[] = {"/file", "/slow", "/bell", "/button", "/box"};

static pthread_mutex_t bell_lock = PTHREAD_MUTEX_INITIALIZER;
static int rung;
static struct fuse_pollhandle* waiter;
static int boxed;

static int is(const char* path, const char* name) {
  return strcmp(path, name) == 0;
}

static int known(const char* path) {
  size_t i;
  for (i = 0; i < sizeof kNames / sizeof kNames[0]; ++i) {
    if (is(path, kNames[i])) return 1;
  }
  return 0;
}

static int do_getattr(const char* path, struct stat* attributes, struct fuse_file_info* info) {
  (void)info;
  if (is(path, "/file")) return stat(below, attributes) == 0 ? 0 : -errno;
  attributes->st_mode = is(path, "/") ? S_IFDIR | 0755 : S_IFREG | 0666;
  attributes->st_nlink = 1;
  attributes->st_size = 10;
  return is(path, "/") || known(path) ? 0 : -ENOENT;
}

static int do_open(const char* path, struct fuse_file_info* info) {
  info->direct_io = !is(path, "/file");
  return 0;
}

static int read_below(char* buffer, size_t size, off_t offset) {
  const int fd = open(below, O_RDONLY | O_CLOEXEC);
  const ssize_t got = fd < 0 ? -1 : pread(fd, buffer, size, offset);
  const int error = errno;
  if (fd >= 0) close(fd);
  return got < 0 ? -error : (int)got;
}

static int wait_for_interrupt(void) {
  const time_t end = time(NULL) + kLongest;
  fputs("waiting\n", stderr);
  while (time(NULL) < end) {
    const struct timespec pause = {kLongest, 0};
    const int woken = nanosleep(&pause, NULL) != 0;
    if (fuse_interrupted()) {
      fprintf(stderr, "interrupted, %s\n", woken ? "woken" : "not woken");
      return -EINTR;
    }
  }
  return 0;
}

static int do_read(const char* path, char* buffer, size_t size, off_t offset,
                   struct fuse_file_info* info) {
  (void)info;
  fprintf(stderr, "read %s\n", path);
  if (is(path, "/file")) return read_below(buffer, size, offset);
  return is(path, "/slow") ? wait_for_interrupt() : 0;
}

static int do_write(const char* path, const char* buffer, size_t size, off_t offset,
                    struct fuse_file_info* info) {
  struct fuse_pollhandle* ringing;
  (void)buffer;
  (void)offset;
  (void)info;
  if (!is(path, "/button")) return -EACCES;
  pthread_mutex_lock(&bell_lock);
  rung = 1;
  ringing = waiter;
  waiter = NULL;
  pthread_mutex_unlock(&bell_lock);
  if (ringing != NULL) {
    fuse_notify_poll(ringing);
    fuse_pollhandle_destroy(ringing);
  }
  return (int)size;
}

static int do_poll(const char* path, struct fuse_file_info* info, struct fuse_pollhandle* handle,
                   unsigned* events) {
  struct fuse_pollhandle* former = NULL;
  (void)info;
  *events = 0;
  pthread_mutex_lock(&bell_lock);
  if (handle != NULL) {
    former = waiter;
    waiter = handle;
  }
  if (!is(path, "/bell") || rung) *events = POLLIN;
  pthread_mutex_unlock(&bell_lock);
  if (former != NULL) fuse_pollhandle_destroy(former);
  if (handle != NULL) fputs("polled\n", stderr);
  return 0;
}

static int do_ioctl(const char* path, unsigned int command, void* argument,
                    struct fuse_file_info* info, unsigned int flags, void* data) {
  (void)argument;
  (void)info;
  (void)flags;
  if (!is(path, "/box")) return -ENOTTY;
  switch (command) {
    case BOX_GET:
      *(int*)data = boxed;
      return 0;
    case BOX_SET:
      boxed = *(const int*)data;
      return 7;
    default:
      return -EINVAL;
  }
}

static int do_bmap(const char* path, size_t block_size, uint64_t* block) {
  if (!is(path, "/file")) return -EINVAL;
  fprintf(stderr, "bmap in blocks of %zu\n", block_size);
  *block += kFirstBlock;
  return 0;
}

static const struct fuse_operations operations = {.getattr = do_getattr,
                                                  .open = do_open,
                                                  .read = do_read,
                                                  .write = do_write,
                                                  .poll = do_poll,
                                                  .ioctl = do_ioctl,
                                                  .bmap = do_bmap};

int main(int argc, char* argv[]) {
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  int status;
  if (fuse_opt_parse(&args, &below, kOptions, NULL) != 0) return 1;
  if (below == NULL) {
    fprintf(stderr, "%s: -o below=FILE is missing\n", argv[0]);
    return 1;
  }
  status = fuse_main(args.argc, args.argv, &operations, NULL);
  fuse_opt_free_args(&args);
  free(below);
  return status;
}
