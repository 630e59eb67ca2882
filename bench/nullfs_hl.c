/* nullfs_hl: what nullfs_ll is, through the high-level API: a filesystem that does next to nothing,
 * so that what is measured is the library, here with its tree of paths.
 *
 * Directories /deep/one and /deep/d0, /deep/d1, ... are always there, each with files f0, f1, ...
 * of a fixed size. Names t0, t1, ... in them can be created and removed. Names and attributes are
 * never cached (-o timeout=SECONDS).
 */

#define FUSE_USE_VERSION 312

#include <errno.h>
#include <fuse.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { kDirectories = 65, kNames = 256 };  // directory 0 is /deep/one
static const off_t kFileSize = 64 << 20;

static char content[1 << 20];
static atomic_bool exists[kDirectories][kNames];

static struct { double timeout; } settings;

/* The number at the end of a name, or -1. */
static int NumberIn(const char* digits, const char* end, int count) {
  int number = 0;
  if (digits == end) {
    return -1;
  }
  for (; digits != end; ++digits) {
    if (*digits < '0' || *digits > '9' || number >= count) {
      return -1;
    }
    number = number * 10 + (*digits - '0');
  }
  return number < count ? number : -1;
}

struct Place {
  int depth;  // 0: the root, 1: /deep, 2: a directory in it, 3: a file; -1: no such name
  int directory;
  char kind;
  int number;
};

static struct Place Find(const char* path) {
  struct Place place = {-1, 0, 0, 0};
  if (strcmp(path, "/") == 0) {
    place.depth = 0;
    return place;
  }
  if (strncmp(path, "/deep", 5) != 0) {
    return place;
  }
  if (path[5] == '\0') {
    place.depth = 1;
    return place;
  }
  const char* name = path + 6;
  const char* end = strchr(name, '/');
  const char* last = end != NULL ? end : name + strlen(name);
  if (last - name == 3 && strncmp(name, "one", 3) == 0) {
    place.directory = 0;
  } else {
    const int number = name[0] == 'd' ? NumberIn(name + 1, last, kDirectories - 1) : -1;
    if (number < 0) {
      return place;
    }
    place.directory = number + 1;
  }
  if (end == NULL) {
    place.depth = 2;
    return place;
  }
  place.kind = end[1];
  place.number =
      place.kind == 'f' || place.kind == 't' ? NumberIn(end + 2, end + strlen(end), kNames) : -1;
  if (place.number >= 0 && (place.kind == 'f' || exists[place.directory][place.number])) {
    place.depth = 3;
  }
  return place;
}

static void* Init(struct fuse_conn_info* connection, struct fuse_config* config) {
  (void)connection;
  config->entry_timeout = config->attr_timeout = settings.timeout;
  config->hard_remove = 1;
  return NULL;
}

static int GetAttr(const char* path, struct stat* attributes, struct fuse_file_info* file) {
  (void)file;
  const struct Place place = Find(path);
  if (place.depth < 0) {
    return -ENOENT;
  }
  memset(attributes, 0, sizeof(*attributes));
  attributes->st_mode = place.depth < 3 ? S_IFDIR | 0755 : S_IFREG | 0644;
  attributes->st_nlink = place.depth < 3 ? 2 : 1;
  attributes->st_size = place.depth == 3 && place.kind == 'f' ? kFileSize : 0;
  return 0;
}

static int ReadDir(const char* path, void* buffer, fuse_fill_dir_t fill, off_t offset,
                   struct fuse_file_info* file, enum fuse_readdir_flags flags) {
  (void)offset;
  (void)file;
  (void)flags;
  if (Find(path).depth != 2) {
    return -EOPNOTSUPP;
  }
  for (int i = 0; i < kNames; ++i) {
    char name[8] = {'f', (char)('0' + i / 100), (char)('0' + i / 10 % 10), (char)('0' + i % 10)};
    if (fill(buffer, name, NULL, 0, (enum fuse_fill_dir_flags)0) != 0) {
      break;
    }
  }
  return 0;
}

static int Open(const char* path, struct fuse_file_info* file) {
  (void)file;
  return Find(path).depth == 3 ? 0 : -ENOENT;
}

static int Create(const char* path, mode_t mode, struct fuse_file_info* file) {
  (void)mode;
  (void)file;
  const struct Place place = Find(path);
  if (place.kind != 't' || place.number < 0) {
    return -EACCES;
  }
  return atomic_exchange(&exists[place.directory][place.number], true) ? -EEXIST : 0;
}

static int Unlink(const char* path) {
  const struct Place place = Find(path);
  if (place.depth != 3 || place.kind != 't') {
    return -EACCES;
  }
  return atomic_exchange(&exists[place.directory][place.number], false) ? 0 : -ENOENT;
}

static int Read(const char* path, char* to, size_t size, off_t offset,
                struct fuse_file_info* file) {
  (void)path;
  (void)file;
  if (offset >= kFileSize) {
    return 0;
  }
  if (size > sizeof(content)) {
    size = sizeof(content);
  }
  memcpy(to, content, size);
  return (int)size;
}

static int Write(const char* path, const char* from, size_t size, off_t offset,
                 struct fuse_file_info* file) {
  (void)path;
  (void)from;
  (void)offset;
  (void)file;
  return (int)size;
}

static const struct fuse_operations operations = {
    .getattr = GetAttr,
    .unlink = Unlink,
    .open = Open,
    .read = Read,
    .write = Write,
    .readdir = ReadDir,
    .init = Init,
    .create = Create,
};

static const struct fuse_opt options[] = {{"timeout=%lf", 0, 0}, FUSE_OPT_END};

int main(int argc, char* argv[]) {
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  if (fuse_opt_parse(&args, &settings, options, NULL) != 0) {
    return 1;
  }
  const int result = fuse_main(args.argc, args.argv, &operations, NULL);
  fuse_opt_free_args(&args);
  return result;
}
