/* poll_ll: a file in which a line appears every second, for those who wait with poll(2).
 *
 *     poll_ll /mnt; poll_client /mnt/ticks 3
 *
 * Everybody who opens the file gets the lines that appear from then on. poll says which events are
 * ready now; if the caller wants to wait, it gets a handle as well, and says with
 * fuse_lowlevel_notify_poll() when to ask again.
 */

#define FUSE_USE_VERSION 312

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "serve.h"

struct reader {
  struct reader* next;
  unsigned seen;                 /* ticks it has read */
  struct fuse_pollhandle* waits; /* NULL: it does not wait */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct reader* readers; /* both guarded by the lock, and so are the readers */
static unsigned ticks;

static struct shown_file File(void) {
  return (struct shown_file){.name = "ticks", .mode = 0444, .timeout = 1e9};
}

static struct reader* ReaderOf(const struct fuse_file_info* info) {
  return (struct reader*)(uintptr_t)info->fh;
}

static void Open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info) {
  (void)ino;
  struct reader* reader = calloc(1, sizeof(*reader));
  if (reader == NULL) {
    fuse_reply_err(req, ENOMEM);
    return;
  }
  pthread_mutex_lock(&lock);
  reader->seen = ticks;
  reader->next = readers;
  readers = reader;
  pthread_mutex_unlock(&lock);
  info->fh = (uintptr_t)reader;
  /* It is a stream: no cache, no offsets. */
  info->direct_io = 1;
  info->nonseekable = 1;
  fuse_reply_open(req, info);
}

/* Takes back a handle, if there is one. */
static void Forget(struct fuse_pollhandle** handle) {
  if (*handle != NULL) {
    fuse_pollhandle_destroy(*handle);
    *handle = NULL;
  }
}

static void Release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info) {
  (void)ino;
  struct reader* reader = ReaderOf(info);
  pthread_mutex_lock(&lock);
  struct reader** link = &readers;
  while (*link != reader) {
    link = &(*link)->next;
  }
  *link = reader->next;
  Forget(&reader->waits);
  pthread_mutex_unlock(&lock);
  free(reader);
  fuse_reply_err(req, 0);
}

/* One line at a time. Who reads without having asked gets EAGAIN. */
static void Read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                 struct fuse_file_info* info) {
  (void)ino;
  (void)offset;
  struct reader* reader = ReaderOf(info);
  char line[32];
  int length = 0;
  pthread_mutex_lock(&lock);
  if (reader->seen != ticks) {
    length = snprintf(line, sizeof(line), "tick %u\n", ++reader->seen);
  }
  pthread_mutex_unlock(&lock);
  if (length == 0) {
    fuse_reply_err(req, EAGAIN);
  } else {
    fuse_reply_buf(req, line, (size_t)length < size ? (size_t)length : size);
  }
}

static void Poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info,
                 struct fuse_pollhandle* handle) {
  (void)ino;
  struct reader* reader = ReaderOf(info);
  pthread_mutex_lock(&lock);
  if (handle != NULL) {
    Forget(&reader->waits);
    reader->waits = handle;
  }
  unsigned events = reader->seen != ticks ? POLLIN : 0;
  pthread_mutex_unlock(&lock);
  fuse_reply_poll(req, events);
}

static void Tick(struct fuse_session* session) {
  (void)session;
  pthread_mutex_lock(&lock);
  ++ticks;
  for (struct reader* reader = readers; reader != NULL; reader = reader->next) {
    if (reader->waits != NULL) {
      fuse_lowlevel_notify_poll(reader->waits);
      Forget(&reader->waits);
    }
  }
  pthread_mutex_unlock(&lock);
}

int main(int argc, char* argv[]) {
  const struct example example = {
      .file = File,
      .operations = {.open = Open, .read = Read, .release = Release, .poll = Poll},
      .change = Tick};
  return RunExample(argc, argv, &example);
}
