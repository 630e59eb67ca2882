/* A mirror of a directory through the low-level API that has every directory in another order with
 * each server, and whose offsets are places in that order.
 *
 *     shuffled_ll -o source=DIR[,keep][,folders][,late] MOUNTPOINT
 *
 * keep: the kernel may keep listings. folders: directories have other inode numbers with each
 * server. late: READDIR and READDIRPLUS are answered by another thread. The extended attribute
 * user.lookups of the root is the sum of the lookups that were not forgotten. */
#define FUSE_USE_VERSION 318

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <limits.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct settings {
  char* source;
  int keep;
  int folders;
  int late;
} settings;

static const struct fuse_opt kOptions[] = {{"source=%s", offsetof(struct settings, source), 0},
                                           {"keep", offsetof(struct settings, keep), 1},
                                           {"folders", offsetof(struct settings, folders), 1},
                                           {"late", offsetof(struct settings, late), 1},
                                           FUSE_OPT_END};

/* A node is a path; its number is its place in the array. The lock is for both. */
enum { kMostNodes = 1 << 20 };
static struct node {
  char* path; /* NULL: not used */
  uint64_t lookups;
} nodes[kMostNodes];
static fuse_ino_t last_node = FUSE_ROOT_ID;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void path_of(fuse_ino_t ino, char path[PATH_MAX]) {
  pthread_mutex_lock(&lock);
  snprintf(path, PATH_MAX, "%s", nodes[ino].path != NULL ? nodes[ino].path : "/gone");
  pthread_mutex_unlock(&lock);
}

static void path_in(fuse_ino_t parent, const char* name, char path[PATH_MAX]) {
  path_of(parent, path);
  const size_t length = strlen(path);
  snprintf(path + length, PATH_MAX - length, "/%s", name);
}

static int attributes_of(const char* path, struct stat* attributes) {
  if (lstat(path, attributes) != 0) return errno;
  if (settings.folders && S_ISDIR(attributes->st_mode) && strcmp(path, settings.source) != 0) {
    attributes->st_ino += (ino_t)getpid() << 32;
  }
  return 0;
}

/* Counts a lookup. 0 or an errno. */
static int look_up(const char* path, struct fuse_entry_param* entry) {
  memset(entry, 0, sizeof *entry);
  const int error = attributes_of(path, &entry->attr);
  if (error != 0) return error;
  pthread_mutex_lock(&lock);
  fuse_ino_t ino = FUSE_ROOT_ID + 1;
  while (ino <= last_node && (nodes[ino].path == NULL || strcmp(nodes[ino].path, path) != 0)) ++ino;
  if (ino > last_node) {
    last_node = ino;
    nodes[ino].path = strdup(path);
  }
  ++nodes[ino].lookups;
  pthread_mutex_unlock(&lock);
  entry->ino = ino;
  return 0;
}

static void answer_entry(fuse_req_t req, const char* path) {
  struct fuse_entry_param entry;
  const int error = look_up(path, &entry);
  if (error != 0) {
    fuse_reply_err(req, error);
  } else {
    fuse_reply_entry(req, &entry);
  }
}

static void answer_done(fuse_req_t req, int result) {
  fuse_reply_err(req, result < 0 ? errno : 0);
}

static void do_lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  char path[PATH_MAX];
  path_in(parent, name, path);
  answer_entry(req, path);
}

static void do_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count) {
  pthread_mutex_lock(&lock);
  if (nodes[ino].lookups < count) fprintf(stderr, "shuffled_ll: wrong: %lu forgotten\n", ino);
  nodes[ino].lookups -= count;
  if (nodes[ino].lookups == 0) {
    free(nodes[ino].path);
    nodes[ino].path = NULL;
  }
  pthread_mutex_unlock(&lock);
  fuse_reply_none(req);
}

static void do_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info) {
  (void)info;
  char path[PATH_MAX];
  struct stat attributes;
  path_of(ino, path);
  const int error = attributes_of(path, &attributes);
  if (error != 0) {
    fuse_reply_err(req, error);
  } else {
    fuse_reply_attr(req, &attributes, 0);
  }
}

static void do_mknod(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode, dev_t dev) {
  char path[PATH_MAX];
  path_in(parent, name, path);
  if (mknod(path, mode, dev) != 0) {
    fuse_reply_err(req, errno);
  } else {
    answer_entry(req, path);
  }
}

static void do_mkdir(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode) {
  char path[PATH_MAX];
  path_in(parent, name, path);
  if (mkdir(path, mode) != 0) {
    fuse_reply_err(req, errno);
  } else {
    answer_entry(req, path);
  }
}

/* What has the path later is another node. */
static void answer_removed(fuse_req_t req, const char* path, int result) {
  const int error = result < 0 ? errno : 0;
  pthread_mutex_lock(&lock);
  for (fuse_ino_t ino = FUSE_ROOT_ID + 1; error == 0 && ino <= last_node; ++ino) {
    if (nodes[ino].path == NULL || strcmp(nodes[ino].path, path) != 0) continue;
    free(nodes[ino].path);
    nodes[ino].path = strdup("/gone");
  }
  pthread_mutex_unlock(&lock);
  fuse_reply_err(req, error);
}

static void do_unlink(fuse_req_t req, fuse_ino_t parent, const char* name) {
  char path[PATH_MAX];
  path_in(parent, name, path);
  answer_removed(req, path, unlink(path));
}

static void do_rmdir(fuse_req_t req, fuse_ino_t parent, const char* name) {
  char path[PATH_MAX];
  path_in(parent, name, path);
  answer_removed(req, path, rmdir(path));
}

/* Paths below the one that moves are not kept up to date: the tests do not need them. */
static void do_rename(fuse_req_t req, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
                      const char* new_name, unsigned flags) {
  char from[PATH_MAX];
  char to[PATH_MAX];
  path_in(parent, name, from);
  path_in(new_parent, new_name, to);
  const int result = renameat2(AT_FDCWD, from, AT_FDCWD, to, flags);
  pthread_mutex_lock(&lock);
  for (fuse_ino_t ino = FUSE_ROOT_ID + 1; result == 0 && ino <= last_node; ++ino) {
    if (nodes[ino].path == NULL) continue;
    const int first = strcmp(nodes[ino].path, from) == 0;
    const int second = strcmp(nodes[ino].path, to) == 0;
    if (!first && !second) continue;
    const char* path = first ? to : (flags & RENAME_EXCHANGE) != 0 ? from : "/gone";
    free(nodes[ino].path);
    nodes[ino].path = strdup(path);
  }
  pthread_mutex_unlock(&lock);
  answer_done(req, result);
}

static void do_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info) {
  char path[PATH_MAX];
  path_of(ino, path);
  const int fd = open(path, (info->flags & ~O_NOFOLLOW) | O_CLOEXEC);
  if (fd < 0) {
    fuse_reply_err(req, errno);
    return;
  }
  info->fh = (uint64_t)fd;
  fuse_reply_open(req, info);
}

static void do_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info* info) {
  (void)ino;
  struct fuse_bufvec data = FUSE_BUFVEC_INIT(size);
  data.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
  data.buf[0].fd = (int)info->fh;
  data.buf[0].pos = offset;
  fuse_reply_data(req, &data, 0);
}

static void do_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info) {
  (void)ino;
  answer_done(req, close((int)info->fh));
}

/* ---- directories */

struct listing {
  char** names;
  size_t count;
};

/* Names that are alike have nothing to do with one another here, so that hardly any two servers agree. */
static uint64_t place_of(const char* name) {
  uint64_t hash = (uint64_t)getpid() * 0x9e3779b97f4a7c15;
  for (; *name != '\0'; ++name) {
    hash = (hash ^ (unsigned char)*name) * 0xbf58476d1ce4e5b9;
    hash ^= hash >> 29;
  }
  return hash;
}

static int by_place(const void* a, const void* b) {
  const uint64_t first = place_of(*(char* const*)a);
  const uint64_t second = place_of(*(char* const*)b);
  return (first > second) - (first < second);
}

static void clear(struct listing* listing) {
  for (size_t i = 0; i < listing->count; ++i) free(listing->names[i]);
  free(listing->names);
  *listing = (struct listing){NULL, 0};
}

static void load(struct listing* listing, const char* path) {
  clear(listing);
  DIR* directory = opendir(path);
  if (directory == NULL) return;
  for (struct dirent* entry; (entry = readdir(directory)) != NULL;) {
    listing->names = realloc(listing->names, (listing->count + 1) * sizeof *listing->names);
    listing->names[listing->count++] = strdup(entry->d_name);
  }
  closedir(directory);
  qsort(listing->names, listing->count, sizeof *listing->names, by_place);
}

static void do_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info) {
  char path[PATH_MAX];
  path_of(ino, path);
  struct listing* listing = calloc(1, sizeof *listing);
  load(listing, path);
  info->fh = (uint64_t)(uintptr_t)listing;
  info->cache_readdir = settings.keep;
  info->keep_cache = settings.keep;
  fuse_reply_open(req, info);
}

static void do_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info) {
  (void)ino;
  struct listing* listing = (struct listing*)(uintptr_t)info->fh;
  clear(listing);
  free(listing);
  fuse_reply_err(req, 0);
}

static size_t add(fuse_req_t req, char* to, size_t room, const char* path, const char* name,
                  off_t next, int plus) {
  char whole[PATH_MAX * 2];
  struct fuse_entry_param entry = {.ino = 0};
  snprintf(whole, sizeof whole, "%s/%s", path, name);
  const int dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
  if (!plus || dots) {
    if (attributes_of(whole, &entry.attr) != 0) entry.attr.st_ino = 1;
    return plus ? fuse_add_direntry_plus(req, to, room, name, &entry, next)
                : fuse_add_direntry(req, to, room, name, &entry.attr, next);
  }
  const size_t size = fuse_add_direntry_plus(req, NULL, 0, name, NULL, 0);
  if (size > room) return size;
  if (look_up(whole, &entry) != 0) return 0;
  return fuse_add_direntry_plus(req, to, room, name, &entry, next);
}

struct question {
  fuse_req_t req;
  fuse_ino_t ino;
  size_t size;
  off_t offset;
  struct listing* listing;
  int plus;
};

static void* answer_listing(void* argument) {
  struct question q = *(struct question*)argument;
  free(argument);
  char path[PATH_MAX];
  path_of(q.ino, path);
  if (q.offset == 0) load(q.listing, path);
  char* bytes = malloc(q.size);
  size_t used = 0;
  for (size_t i = (size_t)q.offset; i < q.listing->count; ++i) {
    const size_t size =
        add(q.req, bytes + used, q.size - used, path, q.listing->names[i], (off_t)i + 1, q.plus);
    if (size > q.size - used) break;
    used += size;
  }
  fuse_reply_buf(q.req, bytes, used);
  free(bytes);
  return NULL;
}

static void list(struct question question) {
  struct question* copy = malloc(sizeof *copy);
  *copy = question;
  pthread_t thread;
  if (settings.late && pthread_create(&thread, NULL, answer_listing, copy) == 0) {
    pthread_detach(thread);
  } else {
    answer_listing(copy);
  }
}

static void do_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                       struct fuse_file_info* info) {
  list((struct question){req, ino, size, offset, (struct listing*)(uintptr_t)info->fh, 0});
}

static void do_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                           struct fuse_file_info* info) {
  list((struct question){req, ino, size, offset, (struct listing*)(uintptr_t)info->fh, 1});
}

static void do_getxattr(fuse_req_t req, fuse_ino_t ino, const char* name, size_t size) {
  char text[32];
  if (ino != FUSE_ROOT_ID || strcmp(name, "user.lookups") != 0) {
    fuse_reply_err(req, ENODATA);
    return;
  }
  uint64_t sum = 0;
  pthread_mutex_lock(&lock);
  for (fuse_ino_t i = FUSE_ROOT_ID + 1; i <= last_node; ++i) sum += nodes[i].lookups;
  pthread_mutex_unlock(&lock);
  const int length = snprintf(text, sizeof text, "%lu", (unsigned long)sum);
  if (size == 0) {
    fuse_reply_xattr(req, (size_t)length);
  } else {
    fuse_reply_buf(req, text, (size_t)length);
  }
}

static const struct fuse_lowlevel_ops kOperations = {.lookup = do_lookup,
                                                     .forget = do_forget,
                                                     .getattr = do_getattr,
                                                     .mknod = do_mknod,
                                                     .mkdir = do_mkdir,
                                                     .unlink = do_unlink,
                                                     .rmdir = do_rmdir,
                                                     .rename = do_rename,
                                                     .open = do_open,
                                                     .read = do_read,
                                                     .release = do_release,
                                                     .opendir = do_opendir,
                                                     .readdir = do_readdir,
                                                     .readdirplus = do_readdirplus,
                                                     .releasedir = do_releasedir,
                                                     .getxattr = do_getxattr};

int main(int argc, char** argv) {
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  struct fuse_cmdline_opts options;
  if (fuse_opt_parse(&args, &settings, kOptions, NULL) != 0) return 2;
  if (fuse_parse_cmdline(&args, &options) != 0 || options.mountpoint == NULL) return 2;
  if (settings.source == NULL) return 2;
  nodes[FUSE_ROOT_ID] = (struct node){settings.source, 1};
  struct fuse_session* session = fuse_session_new(&args, &kOperations, sizeof kOperations, NULL);
  if (session == NULL) return 1;
  int result = 1;
  if (fuse_set_signal_handlers(session) == 0) {
    if (fuse_session_mount(session, options.mountpoint) == 0) {
      fuse_daemonize(options.foreground);
      struct fuse_loop_config* config = fuse_loop_cfg_create();
      result =
          options.singlethread ? fuse_session_loop(session) : fuse_session_loop_mt(session, config);
      fuse_loop_cfg_destroy(config);
      fuse_session_unmount(session);
    }
    fuse_remove_signal_handlers(session);
  }
  fuse_session_destroy(session);
  free(options.mountpoint);
  fuse_opt_free_args(&args);
  return result != 0;
}
