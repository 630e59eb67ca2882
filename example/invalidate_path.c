/* invalidate_path: files that change by themselves, and a kernel that caches them all the same.
 *
 * The mount has two files: "time", which says what time it is, and "growing", which gets a
 * character longer with every update:
 *
 *     invalidate_path --update-interval=1 /mnt && cat /mnt/time && sleep 2 && cat /mnt/time
 *
 * Names, attributes and contents may be cached for ever, so that reading a file again asks nobody;
 * whenever a file changes, fuse_invalidate_path() takes what the kernel has of it away. With
 * --no-notify it does not, and applications see what they saw the first time. Build it with:
 *
 *     cc invalidate_path.c $(pkg-config --cflags --libs fuse3) -o invalidate_path -lpthread
 */

#define FUSE_USE_VERSION 34

#include <errno.h>
#include <fuse.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { kMaxLength = 256 };

struct File {
  const char* path;
  char text[kMaxLength];
};

static struct Options {
  int no_notify;
  unsigned int update_interval;
} options = {0, 1};

static const struct fuse_opt kOptions[] = {
    {"--no-notify", offsetof(struct Options, no_notify), 1},
    {"--update-interval=%u", offsetof(struct Options, update_interval), 0},
    FUSE_OPT_END};

/* Changed by the updating thread, read by operations. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct File files[] = {{"/time", ""}, {"/growing", ""}};
enum { kFiles = sizeof(files) / sizeof(files[0]) };
static int stopping;
static pthread_cond_t stop = PTHREAD_COND_INITIALIZER;
static pthread_t updater;

static void Change(void) {
  const time_t now = time(NULL);
  struct tm local;
  size_t length = strlen(files[1].text);
  strftime(files[0].text, kMaxLength, "The current time is %H:%M:%S\n", localtime_r(&now, &local));
  if (length == kMaxLength - 1) {
    length = 0;
  }
  memcpy(files[1].text + length, "#", 2);
}

/* What the kernel knows of a file is taken away after the file has changed and with no lock held:
   an operation on it may have to end first. A path that the kernel never asked for is not known. */
static void Notify(struct fuse* fuse) {
  for (int i = 0; i < kFiles; ++i) {
    const int result = fuse_invalidate_path(fuse, files[i].path);
    if (result != 0 && result != -ENOENT) {
      fprintf(stderr, "invalidating %s: %s\n", files[i].path, strerror(-result));
    }
  }
}

static void* Update(void* fuse) {
  struct timespec next;
  clock_gettime(CLOCK_REALTIME, &next);
  pthread_mutex_lock(&lock);
  while (!stopping) {
    next.tv_sec += options.update_interval;
    while (!stopping && pthread_cond_timedwait(&stop, &lock, &next) == 0) {
    }
    if (stopping) {
      break;
    }
    Change();
    pthread_mutex_unlock(&lock);
    if (!options.no_notify) {
      Notify(fuse);
    }
    pthread_mutex_lock(&lock);
  }
  pthread_mutex_unlock(&lock);
  return NULL;
}

/* Threads may exist from here on: the program went into the background before. */
static void* Init(struct fuse_conn_info* connection, struct fuse_config* config) {
  (void)connection;
  config->entry_timeout = 86400;
  config->attr_timeout = 86400;
  config->kernel_cache = 1;
  Change();
  pthread_create(&updater, NULL, Update, fuse_get_context()->fuse);
  return NULL;
}

static void Destroy(void* data) {
  (void)data;
  pthread_mutex_lock(&lock);
  stopping = 1;
  pthread_cond_signal(&stop);
  pthread_mutex_unlock(&lock);
  pthread_join(updater, NULL);
}

static struct File* Find(const char* path) {
  for (int i = 0; i < kFiles; ++i) {
    if (strcmp(path, files[i].path) == 0) {
      return &files[i];
    }
  }
  return NULL;
}

static int GetAttr(const char* path, struct stat* attributes, struct fuse_file_info* info) {
  const struct File* file = Find(path);
  (void)info;
  memset(attributes, 0, sizeof(*attributes));
  attributes->st_uid = getuid();
  attributes->st_gid = getgid();
  attributes->st_nlink = 1;
  if (strcmp(path, "/") == 0) {
    attributes->st_mode = S_IFDIR | 0755;
    return 0;
  }
  if (file == NULL) {
    return -ENOENT;
  }
  attributes->st_mode = S_IFREG | 0444;
  pthread_mutex_lock(&lock);
  attributes->st_size = (off_t)strlen(file->text);
  pthread_mutex_unlock(&lock);
  return 0;
}

static int ReadDir(const char* path, void* buffer, fuse_fill_dir_t fill, off_t offset,
                   struct fuse_file_info* info, enum fuse_readdir_flags flags) {
  (void)path;
  (void)offset;
  (void)info;
  (void)flags;
  fill(buffer, ".", NULL, 0, (enum fuse_fill_dir_flags)0);
  fill(buffer, "..", NULL, 0, (enum fuse_fill_dir_flags)0);
  for (int i = 0; i < kFiles; ++i) {
    fill(buffer, files[i].path + 1, NULL, 0, (enum fuse_fill_dir_flags)0);
  }
  return 0;
}

static int Open(const char* path, struct fuse_file_info* info) {
  (void)info;
  return Find(path) != NULL ? 0 : -ENOENT;
}

static int Read(const char* path, char* buffer, size_t size, off_t offset,
                struct fuse_file_info* info) {
  const struct File* file = Find(path);
  size_t length;
  (void)info;
  if (file == NULL) {
    return -ENOENT;
  }
  pthread_mutex_lock(&lock);
  length = strlen(file->text);
  if ((size_t)offset >= length) {
    size = 0;
  } else if (size > length - (size_t)offset) {
    size = length - (size_t)offset;
  }
  memcpy(buffer, file->text + offset, size);
  pthread_mutex_unlock(&lock);
  return (int)size;
}

static const struct fuse_operations kOperations = {
    .init = Init,
    .destroy = Destroy,
    .getattr = GetAttr,
    .readdir = ReadDir,
    .open = Open,
    .read = Read,
};

int main(int argc, char* argv[]) {
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  int status;
  if (fuse_opt_parse(&args, &options, kOptions, NULL) != 0) {
    return 1;
  }
  if (options.update_interval == 0) {
    fprintf(stderr, "%s: --update-interval is at least 1 second\n", argv[0]);
    return 1;
  }
  status = fuse_main(args.argc, args.argv, &kOperations, NULL);
  fuse_opt_free_args(&args);
  return status;
}
