/* serve.h says what this is. */

#define FUSE_USE_VERSION 312

#include "serve.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static bool Describe(fuse_ino_t ino, const struct shown_file* file, struct stat* attributes) {
  memset(attributes, 0, sizeof(*attributes));
  attributes->st_ino = ino;
  attributes->st_uid = getuid();
  attributes->st_gid = getgid();
  switch (ino) {
    case FUSE_ROOT_ID:
      attributes->st_mode = S_IFDIR | 0755;
      attributes->st_nlink = 2;
      return true;
    case kFileInode:
      attributes->st_mode = S_IFREG | file->mode;
      attributes->st_nlink = 1;
      attributes->st_size = (off_t)file->size;
      return true;
    default:
      return false;
  }
}

void ShowEntry(fuse_req_t req, fuse_ino_t parent, const char* name, const struct shown_file* file) {
  if (parent != FUSE_ROOT_ID || strcmp(name, file->name) != 0) {
    fuse_reply_err(req, ENOENT);
    return;
  }
  struct fuse_entry_param entry = {
      .ino = kFileInode, .attr_timeout = file->timeout, .entry_timeout = file->timeout};
  Describe(kFileInode, file, &entry.attr);
  fuse_reply_entry(req, &entry);
}

void ShowAttributes(fuse_req_t req, fuse_ino_t ino, const struct shown_file* file) {
  struct stat attributes;
  if (Describe(ino, file, &attributes)) {
    fuse_reply_attr(req, &attributes, file->timeout);
  } else {
    fuse_reply_err(req, ENOENT);
  }
}

void ShowDirectory(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                   const struct shown_file* file) {
  if (ino != FUSE_ROOT_ID) {
    fuse_reply_err(req, ENOTDIR);
    return;
  }
  const struct {
    const char* name;
    fuse_ino_t ino;
  } entries[] = {{".", FUSE_ROOT_ID}, {"..", FUSE_ROOT_ID}, {file->name, kFileInode}};
  const size_t count = sizeof(entries) / sizeof(entries[0]);

  char buffer[512];
  size_t room = size < sizeof(buffer) ? size : sizeof(buffer);
  size_t used = 0;
  for (size_t i = (size_t)offset; i < count; ++i) {
    struct stat attributes;
    Describe(entries[i].ino, file, &attributes);
    size_t need = fuse_add_direntry(req, buffer + used, room - used, entries[i].name, &attributes,
                                    (off_t)(i + 1));
    if (need > room - used) {
      break;
    }
    used += need;
  }
  fuse_reply_buf(req, buffer, used);
}

void ReplyPart(fuse_req_t req, const char* data, size_t data_size, size_t size, off_t offset) {
  size_t start = (size_t)offset < data_size ? (size_t)offset : data_size;
  size_t rest = data_size - start;
  fuse_reply_buf(req, data + start, size < rest ? size : rest);
}

static pthread_mutex_t waiting = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t stopped_waiting = PTHREAD_COND_INITIALIZER;
static bool no_more_waiting;

int WaitPeriod(unsigned milliseconds) {
  struct timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += milliseconds / 1000;
  end.tv_nsec += (long)(milliseconds % 1000) * 1000000;
  if (end.tv_nsec >= 1000000000) {
    end.tv_sec += 1;
    end.tv_nsec -= 1000000000;
  }
  pthread_mutex_lock(&waiting);
  int error = 0;
  while (!no_more_waiting && error == 0) {
    error = pthread_cond_timedwait(&stopped_waiting, &waiting, &end);
  }
  int go_on = !no_more_waiting;
  pthread_mutex_unlock(&waiting);
  return go_on;
}

void StopWaiting(void) {
  pthread_mutex_lock(&waiting);
  no_more_waiting = true;
  pthread_cond_broadcast(&stopped_waiting);
  pthread_mutex_unlock(&waiting);
}

/* Threads started before fuse_daemonize() would not exist after it. */
static int ServeSession(struct fuse_session* session, const struct fuse_cmdline_opts* options,
                        const struct example* example) {
  if (fuse_set_signal_handlers(session) != 0) {
    return EXIT_FAILURE;
  }
  int status = EXIT_FAILURE;
  if (fuse_session_mount(session, options->mountpoint) == 0) {
    if (fuse_daemonize(options->foreground) == 0) {
      if (example->start != NULL) {
        example->start(session);
      }
      int result =
          options->singlethread ? fuse_session_loop(session) : fuse_session_loop_mt(session, NULL);
      status = result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
      if (example->stop != NULL) {
        example->stop();
      }
    }
    fuse_session_unmount(session);
  }
  fuse_remove_signal_handlers(session);
  return status;
}

static int RunParsed(struct fuse_args* args, const struct fuse_cmdline_opts* options,
                     const struct example* example) {
  if (options->show_help) {
    printf("usage: %s [options] <mountpoint>\n\n%s", args->argv[0],
           example->help != NULL ? example->help : "");
    fuse_cmdline_help();
    fuse_lowlevel_help();
    return EXIT_SUCCESS;
  }
  if (options->show_version) {
    fuse_lowlevel_version();
    return EXIT_SUCCESS;
  }
  if (options->mountpoint == NULL) {
    fprintf(stderr, "%s: no mountpoint given\n", args->argv[0]);
    return EXIT_FAILURE;
  }
  struct fuse_session* session =
      fuse_session_new(args, example->operations, example->operations_size, NULL);
  if (session == NULL) {
    return EXIT_FAILURE;
  }
  int status = ServeSession(session, options, example);
  fuse_session_destroy(session);
  return status;
}

int RunExample(int argc, char* argv[], const struct example* example) {
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  struct fuse_cmdline_opts options;
  int status = EXIT_FAILURE;
  if ((example->options == NULL ||
       fuse_opt_parse(&args, example->settings, example->options, NULL) == 0) &&
      fuse_parse_cmdline(&args, &options) == 0) {
    status = RunParsed(&args, &options, example);
    free(options.mountpoint);
  }
  fuse_opt_free_args(&args);
  return status;
}
