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

#include <pthread.h>
#include <stdio.h>

#include "serve.h"

enum { kSize = 11 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned count; /* both guarded by the lock */
static unsigned reads;

static struct shown_file File(void) {
  return (struct shown_file){.name = "count", .mode = 0444, .size = kSize, .timeout = 1e9};
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

static void Count(struct fuse_session* session) {
  pthread_mutex_lock(&lock);
  unsigned value = ++count;
  pthread_mutex_unlock(&lock);
  ReportNotifying(Tell(session, value));
}

int main(int argc, char* argv[]) {
  const struct example example = {
      .file = File,
      .operations = {.open = Open, .read = Read, .retrieve_reply = RetrieveReply},
      .change = Count};
  return RunExample(argc, argv, &example);
}
