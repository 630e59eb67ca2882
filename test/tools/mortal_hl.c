/* A mirror of a directory through the high-level API that dies at a moment of one's choice.
 *
 *     mortal_hl -o source=DIR,control=FILE[,numbers] MOUNTPOINT
 *
 * FILE holds a moment, say "hide-after"; the server that comes to it removes FILE and kills itself.
 * The operations are told apart by name: to give a file a hidden name is "hide", to remove it under
 * that name is "remove"; others are "rename" and "unlink". */
#define FUSE_USE_VERSION 318

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static struct settings {
  char* source;
  char* control;
  int numbers;
} settings;

static const struct fuse_opt kOptions[] = {{"source=%s", offsetof(struct settings, source), 0},
                                           {"control=%s", offsetof(struct settings, control), 0},
                                           {"numbers", offsetof(struct settings, numbers), 1},
                                           FUSE_OPT_END};

static int root = -1;

static const char* below(const char* path) {
  return path[1] != '\0' ? path + 1 : ".";
}

static int result(int value) {
  return value < 0 ? -errno : 0;
}

static void moment(const char* operation, const char* when) {
  char wanted[64] = "";
  char here[64];
  const int fd = open(settings.control, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const ssize_t size = read(fd, wanted, sizeof wanted - 1);
  close(fd);
  snprintf(here, sizeof here, "%s-%s", operation, when);
  if (size <= 0 || strcmp(wanted, here) != 0) return;
  unlink(settings.control);
  kill(getpid(), SIGKILL);
}

static int is_hidden(const char* path) {
  return strstr(path, "/.fuse_hidden") != NULL;
}

static int do_getattr(const char* path, struct stat* attributes, struct fuse_file_info* info) {
  (void)info;
  return result(fstatat(root, below(path), attributes, AT_SYMLINK_NOFOLLOW));
}

static int do_mkdir(const char* path, mode_t mode) {
  return result(mkdirat(root, below(path), mode));
}

static int do_rmdir(const char* path) {
  return result(unlinkat(root, below(path), AT_REMOVEDIR));
}

static int do_unlink(const char* path) {
  const char* name = is_hidden(path) ? "remove" : "unlink";
  moment(name, "before");
  const int done = result(unlinkat(root, below(path), 0));
  moment(name, "after");
  return done;
}

static int do_rename(const char* from, const char* to, unsigned flags) {
  const char* name = is_hidden(to) ? "hide" : "rename";
  moment(name, "before");
  const int done = result(renameat2(root, below(from), root, below(to), flags));
  moment(name, "after");
  return done;
}

static int do_truncate(const char* path, off_t size, struct fuse_file_info* info) {
  if (info != NULL) return result(ftruncate((int)info->fh, size));
  const int fd = openat(root, below(path), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  const int done = result(ftruncate(fd, size));
  close(fd);
  return done;
}

static int open_with(const char* path, struct fuse_file_info* info, int flags, mode_t mode) {
  const int fd = openat(root, below(path), flags | O_CLOEXEC, mode);
  if (fd < 0) return -errno;
  info->fh = (uint64_t)fd;
  return 0;
}

static int do_open(const char* path, struct fuse_file_info* info) {
  return open_with(path, info, info->flags, 0);
}

static int do_create(const char* path, mode_t mode, struct fuse_file_info* info) {
  return open_with(path, info, info->flags, mode);
}

static int do_read(const char* path, char* to, size_t size, off_t offset,
                   struct fuse_file_info* info) {
  (void)path;
  const ssize_t done = pread((int)info->fh, to, size, offset);
  return done < 0 ? -errno : (int)done;
}

static int do_write(const char* path, const char* from, size_t size, off_t offset,
                    struct fuse_file_info* info) {
  (void)path;
  const ssize_t done = pwrite((int)info->fh, from, size, offset);
  return done < 0 ? -errno : (int)done;
}

static int do_release(const char* path, struct fuse_file_info* info) {
  (void)path;
  return result(close((int)info->fh));
}

static int do_flock(const char* path, struct fuse_file_info* info, int operation) {
  (void)path;
  return result(flock((int)info->fh, operation));
}

static int do_readdir(const char* path, void* buffer, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info* info, enum fuse_readdir_flags flags) {
  (void)info;
  (void)flags;
  // It gives none, so there is none that it could understand.
  if (offset != 0) return -EINVAL;
  const int fd = openat(root, below(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* directory = fd >= 0 ? fdopendir(fd) : NULL;
  if (directory == NULL) return -errno;
  for (struct dirent* entry; (entry = readdir(directory)) != NULL;) {
    if (fill(buffer, entry->d_name, NULL, 0, FUSE_FILL_DIR_DEFAULTS) != 0) break;
  }
  closedir(directory);
  return 0;
}

static void* do_init(struct fuse_conn_info* connection, struct fuse_config* config) {
  (void)connection;
  config->use_ino = settings.numbers;
  return NULL;
}

/* Each open file is an owner of its own here. */
static int do_lock(const char* path, struct fuse_file_info* info, int command, struct flock* lock) {
  (void)path;
  const int of_file = command == F_GETLK    ? F_OFD_GETLK
                      : command == F_SETLKW ? F_OFD_SETLKW
                                            : F_OFD_SETLK;
  lock->l_pid = 0;
  return result(fcntl((int)info->fh, of_file, lock));
}

static const struct fuse_operations kOperations = {
    .getattr = do_getattr,
    .mkdir = do_mkdir,
    .unlink = do_unlink,
    .rmdir = do_rmdir,
    .rename = do_rename,
    .truncate = do_truncate,
    .open = do_open,
    .read = do_read,
    .write = do_write,
    .release = do_release,
    .readdir = do_readdir,
    .init = do_init,
    .create = do_create,
    .flock = do_flock,
    .lock = do_lock,
};

int main(int argc, char** argv) {
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  if (fuse_opt_parse(&args, &settings, kOptions, NULL) != 0) return 1;
  if (settings.source == NULL || settings.control == NULL) {
    fprintf(stderr, "mortal_hl: source=DIR and control=FILE are needed\n");
    return 1;
  }
  root = open(settings.source, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) {
    perror(settings.source);
    return 1;
  }
  umask(0);
  const int ended = fuse_main(args.argc, args.argv, &kOperations, NULL);
  fuse_opt_free_args(&args);
  return ended;
}
