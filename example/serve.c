/* serve.h says what this is. */

#define FUSE_USE_VERSION 312

#include "serve.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
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

static struct shown_file FileOf(fuse_req_t req) {
  const struct example* example = fuse_req_userdata(req);
  return example->file();
}

static void Lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  struct shown_file file = FileOf(req);
  if (parent != FUSE_ROOT_ID || strcmp(name, file.name) != 0) {
    fuse_reply_err(req, ENOENT);
    return;
  }
  struct fuse_entry_param entry = {
      .ino = kFileInode, .attr_timeout = file.timeout, .entry_timeout = file.timeout};
  Describe(kFileInode, &file, &entry.attr);
  fuse_reply_entry(req, &entry);
}

void ShowAttributes(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info) {
  (void)info;
  struct shown_file file = FileOf(req);
  struct stat attributes;
  if (Describe(ino, &file, &attributes)) {
    fuse_reply_attr(req, &attributes, file.timeout);
  } else {
    fuse_reply_err(req, ENOENT);
  }
}

static void ReadDir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info* info) {
  (void)info;
  if (ino != FUSE_ROOT_ID) {
    fuse_reply_err(req, ENOTDIR);
    return;
  }
  struct shown_file file = FileOf(req);
  const struct {
    const char* name;
    fuse_ino_t ino;
  } entries[] = {{".", FUSE_ROOT_ID}, {"..", FUSE_ROOT_ID}, {file.name, kFileInode}};
  const size_t count = sizeof(entries) / sizeof(entries[0]);

  char buffer[512];
  size_t room = size < sizeof(buffer) ? size : sizeof(buffer);
  size_t used = 0;
  for (size_t i = (size_t)offset; i < count; ++i) {
    struct stat attributes;
    Describe(entries[i].ino, &file, &attributes);
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

void ReportNotifying(int error) {
  if (error != 0 && error != -ENOENT && error != -ENODEV) {
    fprintf(stderr, "the kernel was not told: %s\n", strerror(-error));
  }
}

/* The thread that changes things. */

static unsigned period = 1000; /* milliseconds */
static const struct fuse_opt kPeriodOption[] = {{"period=%u", 0, 0}, FUSE_OPT_END};

static pthread_mutex_t pausing = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t stopped = PTHREAD_COND_INITIALIZER;
static bool stop; /* guarded by pausing */

struct changer {
  const struct example* example;
  struct fuse_session* session;
  pthread_t thread;
};

/* Waits for a period; false when it is to stop, which ends the wait. */
static bool Pause(void) {
  struct timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += period / 1000;
  end.tv_nsec += (long)(period % 1000) * 1000000;
  if (end.tv_nsec >= 1000000000) {
    end.tv_sec += 1;
    end.tv_nsec -= 1000000000;
  }
  pthread_mutex_lock(&pausing);
  int error = 0;
  while (!stop && error == 0) {
    error = pthread_cond_timedwait(&stopped, &pausing, &end);
  }
  bool go_on = !stop;
  pthread_mutex_unlock(&pausing);
  return go_on;
}

static void* ChangeAgainAndAgain(void* data) {
  struct changer* changer = data;
  while (Pause()) {
    changer->example->change(changer->session);
  }
  return NULL;
}

static void StopChanging(struct changer* changer) {
  pthread_mutex_lock(&pausing);
  stop = true;
  pthread_cond_signal(&stopped);
  pthread_mutex_unlock(&pausing);
  pthread_join(changer->thread, NULL);
}

static int Loop(struct fuse_session* session, const struct fuse_cmdline_opts* options,
                const struct example* example) {
  struct changer changer = {.example = example, .session = session};
  if (example->change != NULL &&
      pthread_create(&changer.thread, NULL, ChangeAgainAndAgain, &changer) != 0) {
    fprintf(stderr, "no thread can be started\n");
    return -1;
  }
  int result =
      options->singlethread ? fuse_session_loop(session) : fuse_session_loop_mt(session, NULL);
  if (example->change != NULL) {
    StopChanging(&changer);
  }
  return result;
}

static int ServeSession(struct fuse_session* session, const struct fuse_cmdline_opts* options,
                        const struct example* example) {
  if (fuse_set_signal_handlers(session) != 0) {
    return EXIT_FAILURE;
  }
  int status = EXIT_FAILURE;
  if (fuse_session_mount(session, options->mountpoint) == 0) {
    /* Threads started before this would not exist after it. */
    if (fuse_daemonize(options->foreground) == 0) {
      status = Loop(session, options, example) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    fuse_session_unmount(session);
  }
  fuse_remove_signal_handlers(session);
  return status;
}

static int RunParsed(struct fuse_args* args, const struct fuse_cmdline_opts* options,
                     const struct example* example) {
  if (options->show_help) {
    printf(
        "usage: %s [options] <mountpoint>\n\n%s%s", args->argv[0],
        example->change != NULL ? "    -o period=MILLISECONDS  between two changes (1000)\n" : "",
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
  struct fuse_lowlevel_ops operations = example->operations;
  operations.lookup = Lookup;
  operations.getattr = ShowAttributes;
  operations.readdir = ReadDir;
  struct fuse_session* session =
      fuse_session_new(args, &operations, sizeof(operations), (void*)(uintptr_t)example);
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
  if ((example->change == NULL || fuse_opt_parse(&args, &period, kPeriodOption, NULL) == 0) &&
      (example->options == NULL ||
       fuse_opt_parse(&args, example->settings, example->options, NULL) == 0) &&
      fuse_parse_cmdline(&args, &options) == 0) {
    status = RunParsed(&args, &options, example);
    free(options.mountpoint);
  }
  fuse_opt_free_args(&args);
  return status;
}
