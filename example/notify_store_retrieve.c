/* notify_store_retrieve: a file whose contents are put into the kernel's cache, and read back from
 * there.
 *
 *     notify_store_retrieve -f /mnt & cat /mnt/count; sleep 2; cat /mnt/count
 *
 * Like notify_inval_inode, but instead of making the kernel drop what it has, so that it must read
 * again, fuse_lowlevel_notify_store() gives it what is new. fuse_lowlevel_notify_retrieve() then
 * asks what it has; the answer comes as a request of its own, and is printed.
 */

#define FUSE_USE_VERSION 312

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "serve.h"

static struct { unsigned period; /* milliseconds */ } settings = {.period = 1000};

static const struct fuse_opt kOptions[] = {{"period=%u", offsetof(__typeof__(settings), period), 0},
                                           FUSE_OPT_END};

enum { kSize = 11 };
static const struct shown_file kFile = {
    .name = "count", .mode = 0444, .size = kSize, .timeout = 1e9};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned count; /* guarded by the lock */
static unsigned reads; /* guarded by the lock */
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
  ++reads;
  snprintf(text, sizeof(text), "%010u\n", count);
  pthread_mutex_unlock(&lock);
  ReplyPart(req, text, kSize, size, offset);
}

/* What the kernel had when it was asked. */
static void RetrieveReply(fuse_req_t req, void* cookie, fuse_ino_t ino, off_t offset,
                          struct fuse_bufvec* data) {
  (void)cookie;
  (void)ino;
  (void)offset;
  char text[kSize + 1] = "";
  struct fuse_bufvec to = FUSE_BUFVEC_INIT(kSize);
  to.buf[0].mem = text;
  ssize_t copied = fuse_buf_copy(&to, data, 0);
  if (copied > 0) {
    pthread_mutex_lock(&lock);
    printf("the kernel has %.10s, after %u reads\n", text, reads);
    fflush(stdout);
    pthread_mutex_unlock(&lock);
  }
  fuse_reply_none(req);
}

static int Tell(struct fuse_session* session, unsigned value) {
  char text[kSize + 1];
  snprintf(text, sizeof(text), "%010u\n", value);
  struct fuse_bufvec data = FUSE_BUFVEC_INIT(kSize);
  data.buf[0].mem = text;
  int error = fuse_lowlevel_notify_store(session, kFileInode, 0, &data, 0);
  return error != 0 ? error : fuse_lowlevel_notify_retrieve(session, kFileInode, kSize, 0, NULL);
}

static void* Count(void* data) {
  struct fuse_session* session = data;
  while (WaitPeriod(settings.period)) {
    pthread_mutex_lock(&lock);
    unsigned value = ++count;
    pthread_mutex_unlock(&lock);
    int error = Tell(session, value);
    /* ENOENT: the kernel does not know the file. ENODEV: the mount is gone. */
    if (error != 0 && error != -ENOENT && error != -ENODEV) {
      fprintf(stderr, "notify_store_retrieve: %s\n", strerror(-error));
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

static const struct fuse_lowlevel_ops kOperations = {.lookup = Lookup,
                                                     .getattr = GetAttr,
                                                     .open = Open,
                                                     .read = Read,
                                                     .readdir = ReadDir,
                                                     .retrieve_reply = RetrieveReply};

int main(int argc, char* argv[]) {
  const struct example example = {
      .operations = &kOperations,
      .operations_size = sizeof(kOperations),
      .options = kOptions,
      .settings = &settings,
      .help = "    -o period=MILLISECONDS  between two changes (1000)\n",
      .start = Start,
      .stop = Stop};
  return RunExample(argc, argv, &example);
}
