/* notify_inval_entry: a file that is given another name every second, and a kernel that is told so.
 *
 *     notify_inval_entry /mnt; ls /mnt; sleep 2; ls /mnt
 *
 * The kernel may remember a name for ever here, and would find the file under its first one for as
 * long as it likes. fuse_lowlevel_notify_inval_entry() makes it forget the name; with -o expire
 * fuse_lowlevel_notify_expire_entry() makes it ask again, which spares what is mounted below the
 * name. With -o no_notify it is told nothing.
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
  int expire;
  int no_notify;
} settings = {.period = 1000};

static const struct fuse_opt kOptions[] = {
    {"period=%u", offsetof(__typeof__(settings), period), 0},
    {"expire", offsetof(__typeof__(settings), expire), 1},
    {"no_notify", offsetof(__typeof__(settings), no_notify), 1},
    FUSE_OPT_END};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned number; /* of the file's names; guarded by the lock */
static pthread_t renamer;

static struct shown_file FileWithNumber(unsigned which) {
  struct shown_file file = {.mode = 0444, .timeout = 1e9};
  snprintf(file.name, sizeof(file.name), "name.%u", which);
  return file;
}

static struct shown_file File(void) {
  pthread_mutex_lock(&lock);
  unsigned which = number;
  pthread_mutex_unlock(&lock);
  return FileWithNumber(which);
}

static void Lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  struct shown_file file = File();
  ShowEntry(req, parent, name, &file);
}

static void GetAttr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info) {
  (void)info;
  struct shown_file file = File();
  ShowAttributes(req, ino, &file);
}

static void ReadDir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info* info) {
  (void)info;
  struct shown_file file = File();
  ShowDirectory(req, ino, size, offset, &file);
}

/* The lock must not be held while the kernel is told: it may have to wait for a lookup that waits
 * for the lock. */
static void* Rename(void* data) {
  struct fuse_session* session = data;
  while (WaitPeriod(settings.period)) {
    pthread_mutex_lock(&lock);
    struct shown_file old = FileWithNumber(number++);
    pthread_mutex_unlock(&lock);
    if (settings.no_notify) {
      continue;
    }
    int error =
        settings.expire
            ? fuse_lowlevel_notify_expire_entry(session, FUSE_ROOT_ID, old.name, strlen(old.name))
            : fuse_lowlevel_notify_inval_entry(session, FUSE_ROOT_ID, old.name, strlen(old.name));
    /* ENOENT: the kernel did not know the name. ENODEV: the mount is gone. */
    if (error != 0 && error != -ENOENT && error != -ENODEV) {
      fprintf(stderr, "notify_inval_entry: %s\n", strerror(-error));
    }
  }
  return NULL;
}

static void Start(struct fuse_session* session) {
  pthread_create(&renamer, NULL, Rename, session);
}

static void Stop(void) {
  StopWaiting();
  pthread_join(renamer, NULL);
}

static const struct fuse_lowlevel_ops kOperations = {
    .lookup = Lookup, .getattr = GetAttr, .readdir = ReadDir};

int main(int argc, char* argv[]) {
  const struct example example = {
      .operations = &kOperations,
      .operations_size = sizeof(kOperations),
      .options = kOptions,
      .settings = &settings,
      .help =
          "    -o period=MILLISECONDS  between two names (1000)\n"
          "    -o expire              let the kernel ask again instead of forgetting the name\n"
          "    -o no_notify           tell the kernel nothing\n",
      .start = Start,
      .stop = Stop};
  return RunExample(argc, argv, &example);
}
