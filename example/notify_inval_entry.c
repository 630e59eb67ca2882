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

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "serve.h"

static struct {
  int expire;
  int no_notify;
} settings;

static const struct fuse_opt kOptions[] = {
    {"expire", offsetof(__typeof__(settings), expire), 1},
    {"no_notify", offsetof(__typeof__(settings), no_notify), 1},
    FUSE_OPT_END};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned number; /* of the file's names; guarded by the lock */

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

/* The lock must not be held while the kernel is told: it may have to wait for a lookup that waits
 * for the lock. */
static void Rename(struct fuse_session* session) {
  pthread_mutex_lock(&lock);
  struct shown_file old = FileWithNumber(number++);
  pthread_mutex_unlock(&lock);
  if (settings.no_notify) {
    return;
  }
  size_t length = strlen(old.name);
  ReportNotifying(settings.expire
                      ? fuse_lowlevel_notify_expire_entry(session, FUSE_ROOT_ID, old.name, length)
                      : fuse_lowlevel_notify_inval_entry(session, FUSE_ROOT_ID, old.name, length));
}

int main(int argc, char* argv[]) {
  const struct example example = {
      .file = File,
      .change = Rename,
      .options = kOptions,
      .settings = &settings,
      .help =
          "    -o expire               let the kernel ask again instead of forgetting the name\n"
          "    -o no_notify            tell the kernel nothing\n"};
  return RunExample(argc, argv, &example);
}
