/* notify_inval_inode: a file whose contents change by themselves, and a kernel that is told so.
 *
 *     notify_inval_inode /mnt; cat /mnt/count; sleep 2; cat /mnt/count
 *
 * The kernel may keep in its cache what it has read, for ever, and reads from there what it has.
 * fuse_lowlevel_notify_inval_inode() makes it drop that whenever the contents have changed. With
 * -o no_notify it is not told.
 */

#define FUSE_USE_VERSION 312

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "serve.h"

static struct {
  unsigned period; /* milliseconds */
  int no_notify;
} settings = {.period = 1000};

static const struct fuse_opt kOptions[] = {
    {"period=%u", offsetof(__typeof__(settings), period), 0},
    {"no_notify", offsetof(__typeof__(settings), no_notify), 1},
    FUSE_OPT_END};

/* The size never changes, so the attributes may be remembered as well. */
enum { kSize = 11 };
static const struct shown_file kFile = {
    .name = "count", .mode = 0444, .size = kSize, .timeout = 1e9};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned count; /* guarded by the lock */
static pthread_t counter;

static void Lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  ShowEntry(req, parent, name, &kFile);
}

static void GetAttr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info) {
  (void)info;
  ShowAttributes(req, ino, &kFile);
}

static void ReadDir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info* info) {
  (void)info;
  ShowDirectory(req, ino, size, offset, &kFile);
}

/* Without keep_cache every open would empty the cache, and there was nothing to show. */
static void Open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info) {
  (void)ino;
  info->keep_cache = 1;
  fuse_reply_open(req, info);
}

static void Read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                 struct fuse_file_info* info) {
  (void)ino;
  (void)info;
  char text[kSize + 1];
  pthread_mutex_lock(&lock);
  snprintf(text, sizeof(text), "%010u\n", count);
  pthread_mutex_unlock(&lock);
  ReplyPart(req, text, kSize, size, offset);
}

/* The lock must not be held while the kernel is told: it may wait for a read that is under way. */
static void* Count(void* data) {
  struct fuse_session* session = data;
  while (WaitPeriod(settings.period)) {
    pthread_mutex_lock(&lock);
    ++count;
    pthread_mutex_unlock(&lock);
    if (settings.no_notify) {
      continue;
    }
    int error = fuse_lowlevel_notify_inval_inode(session, kFileInode, 0, 0);
    /* ENOENT: the kernel does not know the file. ENODEV: the mount is gone. */
    if (error != 0 && error != -ENOENT && error != -ENODEV) {
      fprintf(stderr, "notify_inval_inode: %s\n", strerror(-error));
    }
  }
  return NULL;
}

static void Start(struct fuse_session* session) {
  pthread_create(&counter, NULL, Count, session);
}

static void Stop(void) {
  StopWaiting();
  pthread_join(counter, NULL);
}

static const struct fuse_lowlevel_ops kOperations = {
    .lookup = Lookup, .getattr = GetAttr, .open = Open, .read = Read, .readdir = ReadDir};

int main(int argc, char* argv[]) {
  const struct example example = {.operations = &kOperations,
                                  .operations_size = sizeof(kOperations),
                                  .options = kOptions,
                                  .settings = &settings,
                                  .help =
                                      "    -o period=MILLISECONDS  between two changes (1000)\n"
                                      "    -o no_notify           tell the kernel nothing\n",
                                  .start = Start,
                                  .stop = Stop};
  return RunExample(argc, argv, &example);
}
