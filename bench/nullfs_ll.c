/* nullfs_ll: a filesystem that does next to nothing, so that what is measured is the library.
 *
 * One directory. Files f0, f1, ... are always there and have a fixed size and content; writing to
 * them succeeds and changes nothing. Names t0, t1, ... can be created and removed, and that they
 * exist is all there is to them. Names and attributes are never cached (-o timeout=SECONDS).
 */

#define FUSE_USE_VERSION 312

#include <errno.h>
#include <fuse_lowlevel.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
  kFixedCount = 256,
  kTemporaryCount = 4096,
  kFirstFixed = FUSE_ROOT_ID + 1,
  kFirstTemporary = kFirstFixed + kFixedCount,
  kEnd = kFirstTemporary + kTemporaryCount
};
static const off_t kFileSize = 64 << 20;

static char content[1 << 20];
static atomic_bool exists[kTemporaryCount];

static struct { double timeout; } settings;

static bool Describe(fuse_ino_t ino, struct stat* attributes) {
  if (ino < FUSE_ROOT_ID || ino >= kEnd) {
    return false;
  }
  memset(attributes, 0, sizeof(*attributes));
  attributes->st_ino = ino;
  attributes->st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
  attributes->st_nlink = ino == FUSE_ROOT_ID ? 2 : 1;
  attributes->st_size = ino >= kFirstFixed && ino < kFirstTemporary ? kFileSize : 0;
  return true;
}

/* The inode that a name may stand for, or 0. */
static fuse_ino_t InodeOf(const char* name) {
  const fuse_ino_t first = name[0] == 'f' ? kFirstFixed : kFirstTemporary;
  const unsigned long count = name[0] == 'f' ? kFixedCount : kTemporaryCount;
  char* end;
  if ((name[0] != 'f' && name[0] != 't') || name[1] < '0' || name[1] > '9') {
    return 0;
  }
  unsigned long number = strtoul(name + 1, &end, 10);
  return *end == '\0' && number < count ? first + number : 0;
}

static struct fuse_entry_param EntryOf(fuse_ino_t ino) {
  struct fuse_entry_param entry = {
      .ino = ino, .attr_timeout = settings.timeout, .entry_timeout = settings.timeout};
  Describe(ino, &entry.attr);
  return entry;
}

static void Lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  (void)parent;
  fuse_ino_t ino = InodeOf(name);
  if (ino == 0 || (ino >= kFirstTemporary && !atomic_load(&exists[ino - kFirstTemporary]))) {
    fuse_reply_err(req, ENOENT);
    return;
  }
  struct fuse_entry_param entry = EntryOf(ino);
  fuse_reply_entry(req, &entry);
}

static void Forget(fuse_req_t req, fuse_ino_t ino, uint64_t count) {
  (void)ino;
  (void)count;
  fuse_reply_none(req);
}

static void ForgetMulti(fuse_req_t req, size_t count, struct fuse_forget_data* forgets) {
  (void)count;
  (void)forgets;
  fuse_reply_none(req);
}

static void GetAttr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* file) {
  (void)file;
  struct stat attributes;
  if (Describe(ino, &attributes)) {
    fuse_reply_attr(req, &attributes, settings.timeout);
  } else {
    fuse_reply_err(req, ENOENT);
  }
}

static void SetAttr(fuse_req_t req, fuse_ino_t ino, struct stat* wanted, int which,
                    struct fuse_file_info* file) {
  (void)wanted;
  (void)which;
  GetAttr(req, ino, file);
}

static void Open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* file) {
  (void)ino;
  fuse_reply_open(req, file);
}

static void Create(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode,
                   struct fuse_file_info* file) {
  (void)parent;
  (void)mode;
  fuse_ino_t ino = InodeOf(name);
  if (ino < kFirstTemporary) {
    fuse_reply_err(req, ino == 0 ? EINVAL : EEXIST);
    return;
  }
  atomic_store(&exists[ino - kFirstTemporary], true);
  struct fuse_entry_param entry = EntryOf(ino);
  fuse_reply_create(req, &entry, file);
}

static void Unlink(fuse_req_t req, fuse_ino_t parent, const char* name) {
  (void)parent;
  fuse_ino_t ino = InodeOf(name);
  if (ino < kFirstTemporary) {
    fuse_reply_err(req, ino == 0 ? ENOENT : EPERM);
    return;
  }
  fuse_reply_err(req, atomic_exchange(&exists[ino - kFirstTemporary], false) ? 0 : ENOENT);
}

static void Read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                 struct fuse_file_info* file) {
  (void)ino;
  (void)file;
  if (size > sizeof(content)) {
    fuse_reply_err(req, EIO); /* more than the kernel asks for at a time */
    return;
  }
  size_t rest = offset < kFileSize ? (size_t)(kFileSize - offset) : 0;
  fuse_reply_buf(req, content, size < rest ? size : rest);
}

static void Write(fuse_req_t req, fuse_ino_t ino, const char* data, size_t size, off_t offset,
                  struct fuse_file_info* file) {
  (void)ino;
  (void)data;
  (void)offset;
  (void)file;
  fuse_reply_write(req, size);
}

static void Release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* file) {
  (void)ino;
  (void)file;
  fuse_reply_err(req, 0);
}

/* Lists the fixed names; an entry's offset is its number + 1. */
static void ReadDir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info* file) {
  (void)ino;
  (void)file;
  char buffer[1 << 14];
  size_t room = size < sizeof(buffer) ? size : sizeof(buffer);
  size_t used = 0;
  for (off_t i = offset; i < kFixedCount; ++i) {
    char name[16];
    struct stat attributes;
    snprintf(name, sizeof(name), "f%d", (int)i);
    Describe(kFirstFixed + (fuse_ino_t)i, &attributes);
    size_t need = fuse_add_direntry(req, buffer + used, room - used, name, &attributes, i + 1);
    if (need > room - used) {
      break;
    }
    used += need;
  }
  fuse_reply_buf(req, buffer, used);
}

static const struct fuse_lowlevel_ops kOperations = {.lookup = Lookup,
                                                     .forget = Forget,
                                                     .forget_multi = ForgetMulti,
                                                     .getattr = GetAttr,
                                                     .setattr = SetAttr,
                                                     .open = Open,
                                                     .create = Create,
                                                     .unlink = Unlink,
                                                     .read = Read,
                                                     .write = Write,
                                                     .release = Release,
                                                     .opendir = Open,
                                                     .readdir = ReadDir,
                                                     .releasedir = Release};

static int Loop(struct fuse_session* session, const struct fuse_cmdline_opts* command) {
  if (command->singlethread) {
    return fuse_session_loop(session);
  }
  struct fuse_loop_config* config = fuse_loop_cfg_create();
  fuse_loop_cfg_set_clone_fd(config, (unsigned)command->clone_fd);
  if (command->max_idle_threads != UINT_MAX) {
    fuse_loop_cfg_set_idle_threads(config, command->max_idle_threads);
  }
  fuse_loop_cfg_set_max_threads(config, command->max_threads);
  int result = fuse_session_loop_mt(session, config);
  fuse_loop_cfg_destroy(config);
  return result;
}

static int Serve(struct fuse_session* session, const struct fuse_cmdline_opts* command) {
  if (fuse_set_signal_handlers(session) != 0) {
    return EXIT_FAILURE;
  }
  int status = EXIT_FAILURE;
  if (fuse_session_mount(session, command->mountpoint) == 0) {
    if (fuse_daemonize(command->foreground) == 0) {
      status = Loop(session, command) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    fuse_session_unmount(session);
  }
  fuse_remove_signal_handlers(session);
  return status;
}

int main(int argc, char* argv[]) {
  const struct fuse_opt options[] = {{"timeout=%lf", offsetof(__typeof__(settings), timeout), 0},
                                     FUSE_OPT_END};
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  struct fuse_cmdline_opts command;
  if (fuse_parse_cmdline(&args, &command) != 0 ||
      fuse_opt_parse(&args, &settings, options, NULL) != 0 || command.mountpoint == NULL) {
    fprintf(stderr, "usage: %s [options] <mountpoint>\n", argv[0]);
    return EXIT_FAILURE;
  }
  struct fuse_session* session = fuse_session_new(&args, &kOperations, sizeof(kOperations), NULL);
  int status = EXIT_FAILURE;
  if (session != NULL) {
    status = Serve(session, &command);
    fuse_session_destroy(session);
  }
  free(command.mountpoint);
  fuse_opt_free_args(&args);
  return status;
}
