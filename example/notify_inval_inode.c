/* notify_inval_inode: a file whose contents change by themselves, and a kernel that is told so.
 *
 *     notify_inval_inode /mnt; cat /mnt/count; sleep 2; cat /mnt/count
 *
 * The kernel may keep in its cache what it has read, for ever, and reads from there what it has.
 * fuse_lowlevel_notify_inval_inode() makes it drop that whenever the contents have changed. With
 * -o no_notify it is not told.
 */

#define FUSE_USE_VERSION 312

#include <pthread.h>
#include <stdio.h>

#include "serve.h"

static int no_notify;
static const struct fuse_opt kOptions[] = {{"no_notify", 0, 1}, FUSE_OPT_END};

enum { kSize = 11 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned count; /* guarded by the lock */

/* The size never changes, so the attributes may be remembered as well. */
static struct shown_file File(void) {
  return (struct shown_file){.name = "count", .mode = 0444, .size = kSize, .timeout = 1e9};
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
static void Count(struct fuse_session* session) {
  pthread_mutex_lock(&lock);
  ++count;
  pthread_mutex_unlock(&lock);
  if (!no_notify) {
    ReportNotifying(fuse_lowlevel_notify_inval_inode(session, kFileInode, 0, 0));
  }
}

int main(int argc, char* argv[]) {
  const struct example example = {.file = File,
                                  .operations = {.open = Open, .read = Read},
                                  .change = Count,
                                  .options = kOptions,
                                  .settings = &no_notify,
                                  .help = "    -o no_notify            tell the kernel nothing\n"};
  return RunExample(argc, argv, &example);
}
