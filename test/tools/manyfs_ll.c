/* manyfs_ll: as many files as one likes, none of which needs memory or a descriptor here, so that
 * whatever grows with their number is the library.
 *
 * The names are /d000/f0000 and so on; -o dirs=N and files=N (in each directory) say how many. An
 * inode's number, its content and its place follow from each other. What the library is told
 * instead of the number differs from process to process, and so do the handles: a node or a handle
 * of a dead process that reaches this one is no number here. Each such call, each use of a node
 * that this process has not been asked for, and each FORGET of more lookups than there were is
 * answered with EIO where it has an answer, and is a line on standard error that begins with
 * "manyfs_ll: wrong".
 */

#define FUSE_USE_VERSION 312

#include <errno.h>
#include <fuse_lowlevel.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* Numbers: the root, then the directories, then the files of the first directory, and so on. */
enum { kFirstDirectory = FUSE_ROOT_ID + 1, kMostDirectories = 100000, kMostFiles = 100000 };
static const uint64_t kMostInodes = 100000000;
static const uint64_t kContentFactor = UINT64_C(0x9e3779b97f4a7c15);
static const uint64_t kKeyBit = UINT64_C(1) << 63;
static const double kForEver = 1e8; /* seconds */

static struct {
  unsigned dirs;
  unsigned files;
} layout = {.dirs = 1, .files = 10};

static uint64_t node_key;
static uint64_t handle_key;
static atomic_uint* lookups; /* by number: what this process has counted */

static uint64_t FirstFile(void) {
  return kFirstDirectory + (uint64_t)layout.dirs;
}
static uint64_t End(void) {
  return FirstFile() + (uint64_t)layout.dirs * layout.files;
}
static bool IsDirectory(uint64_t number) {
  return number < FirstFile();
}
static uint64_t FileIn(uint64_t directory, uint64_t index) {
  return FirstFile() + (directory - kFirstDirectory) * layout.files + index;
}

static fuse_ino_t NodeOf(uint64_t number) {
  return number == FUSE_ROOT_ID ? FUSE_ROOT_ID : number ^ node_key;
}

static void Complain(const char* what, uint64_t value) {
  fprintf(stderr, "manyfs_ll: wrong %s: %#llx\n", what, (unsigned long long)value);
}

/* What this process calls `node`; 0, and said, if it is nothing that the library may name. */
static uint64_t NumberOf(const char* call, fuse_ino_t node) {
  if (node == FUSE_ROOT_ID) {
    return node;
  }
  const uint64_t number = node ^ node_key;
  if (number < kFirstDirectory || number >= End() || atomic_load(&lookups[number]) == 0) {
    Complain(call, node);
    return 0;
  }
  return number;
}

/* As NumberOf(), of an open file or directory. */
static uint64_t NumberOfOpen(const char* call, fuse_ino_t node, const struct fuse_file_info* file) {
  const uint64_t number = NumberOf(call, node);
  if (number != 0 && file->fh != (number ^ handle_key)) {
    Complain(call, file->fh);
    return 0;
  }
  return number;
}

static uint64_t SizeOf(uint64_t number) {
  return 1000 + number % 3000;
}

/* The content is little-endian words. */
static unsigned char ByteAt(uint64_t number, uint64_t offset) {
  const uint64_t word = number * kContentFactor + offset / 8;
  return (unsigned char)(word >> (offset % 8 * 8));
}

static struct stat Describe(uint64_t number) {
  struct stat attributes = {.st_ino = number, .st_nlink = 1, .st_mode = S_IFREG | 0444};
  if (IsDirectory(number)) {
    attributes.st_mode = S_IFDIR | 0555;
    attributes.st_nlink = 2;
  } else {
    attributes.st_size = (off_t)SizeOf(number);
  }
  return attributes;
}

static struct fuse_entry_param EntryOf(uint64_t number) {
  return (struct fuse_entry_param){.ino = NodeOf(number),
                                   .attr = Describe(number),
                                   .attr_timeout = kForEver,
                                   .entry_timeout = kForEver};
}

/* Number of the index-th child; 0 if there are fewer. */
static uint64_t ChildOf(uint64_t parent, uint64_t index) {
  if (parent == FUSE_ROOT_ID) {
    return index < layout.dirs ? kFirstDirectory + index : 0;
  }
  return index < layout.files ? FileIn(parent, index) : 0;
}

static void NameOfChild(uint64_t parent, uint64_t index, char* name, size_t size) {
  const bool directory = parent == FUSE_ROOT_ID;
  snprintf(name, size, directory ? "d%03llu" : "f%04llu", (unsigned long long)index);
}

static void Lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  const uint64_t directory = NumberOf("lookup", parent);
  if (directory == 0 || !IsDirectory(directory)) {
    fuse_reply_err(req, directory == 0 ? EIO : ENOTDIR);
    return;
  }
  const uint64_t index = name[0] != '\0' ? strtoull(name + 1, NULL, 10) : 0;
  const uint64_t number = ChildOf(directory, index);
  char expected[32];
  NameOfChild(directory, index, expected, sizeof(expected));
  if (number == 0 || strcmp(name, expected) != 0) {
    fuse_reply_err(req, ENOENT);
    return;
  }
  /* Counted first: once the answer is out, a FORGET may come. */
  const struct fuse_entry_param entry = EntryOf(number);
  atomic_fetch_add(&lookups[number], 1);
  if (fuse_reply_entry(req, &entry) != 0) {
    atomic_fetch_sub(&lookups[number], 1);
  }
}

static void Forget(fuse_req_t req, fuse_ino_t node, uint64_t count) {
  const uint64_t number = NumberOf("forget", node);
  if (number >= kFirstDirectory) {
    const unsigned before = atomic_fetch_sub(&lookups[number], (unsigned)count);
    if (before < count) {
      Complain("count of a forget", count);
      atomic_store(&lookups[number], 0);
    }
  }
  fuse_reply_none(req);
}

static void GetAttr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info* file) {
  const uint64_t number =
      file != NULL ? NumberOfOpen("getattr of a handle", node, file) : NumberOf("getattr", node);
  if (number == 0) {
    fuse_reply_err(req, EIO);
    return;
  }
  const struct stat attributes = Describe(number);
  fuse_reply_attr(req, &attributes, kForEver);
}

static void Open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info* file) {
  const uint64_t number = NumberOf("open", node);
  if (number == 0) {
    fuse_reply_err(req, EIO);
    return;
  }
  file->fh = number ^ handle_key;
  fuse_reply_open(req, file);
}

static void Read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
                 struct fuse_file_info* file) {
  const uint64_t number = NumberOfOpen("read", node, file);
  if (number == 0 || offset < 0) {
    fuse_reply_err(req, EIO);
    return;
  }
  unsigned char content[4000];
  const uint64_t length = SizeOf(number);
  size_t used = 0;
  for (uint64_t at = (uint64_t)offset; at < length && used < size; ++at) {
    content[used++] = ByteAt(number, at);
  }
  fuse_reply_buf(req, (const char*)content, used);
}

static void Release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info* file) {
  fuse_reply_err(req, NumberOfOpen("release", node, file) != 0 ? 0 : EIO);
}

/* "." and "..", then the children; an entry's offset is its place in this order, from 1. */
static size_t AddEntry(fuse_req_t req, uint64_t directory, uint64_t place, char* buffer,
                       size_t room) {
  const bool dot = place < 2;
  char name[32] = "..";
  struct fuse_entry_param entry = EntryOf(dot ? directory : ChildOf(directory, place - 2));
  if (dot) {
    name[place + 1] = '\0';
    entry.ino = 0;
  } else {
    NameOfChild(directory, place - 2, name, sizeof(name));
  }
  return fuse_add_direntry_plus(req, buffer, room, name, &entry, (off_t)place + 1);
}

static void CountEntries(uint64_t directory, uint64_t first, uint64_t end, int change) {
  for (uint64_t place = first < 2 ? 2 : first; place < end; ++place) {
    atomic_fetch_add(&lookups[ChildOf(directory, place - 2)], (unsigned)change);
  }
}

static void ReadDirPlus(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
                        struct fuse_file_info* file) {
  const uint64_t directory = NumberOfOpen("readdirplus", node, file);
  char* buffer = directory != 0 && offset >= 0 ? malloc(size) : NULL;
  if (buffer == NULL) {
    fuse_reply_err(req, EIO);
    return;
  }
  const uint64_t all = 2 + (directory == FUSE_ROOT_ID ? layout.dirs : layout.files);
  const uint64_t first = (uint64_t)offset;
  uint64_t place = first;
  size_t used = 0;
  for (; place < all; ++place) {
    const size_t need = AddEntry(req, directory, place, buffer + used, size - used);
    if (need > size - used) {
      break;
    }
    used += need;
  }
  CountEntries(directory, first, place, 1);
  if (fuse_reply_buf(req, buffer, used) != 0) {
    CountEntries(directory, first, place, -1);
  }
  free(buffer);
}

static void StatFs(fuse_req_t req, fuse_ino_t node) {
  (void)node;
  const struct statvfs facts = {
      .f_bsize = 4096, .f_frsize = 4096, .f_files = End() - FUSE_ROOT_ID, .f_namemax = 31};
  fuse_reply_statfs(req, &facts);
}

static const struct fuse_lowlevel_ops kOperations = {.lookup = Lookup,
                                                     .forget = Forget,
                                                     .getattr = GetAttr,
                                                     .open = Open,
                                                     .read = Read,
                                                     .release = Release,
                                                     .opendir = Open,
                                                     .readdirplus = ReadDirPlus,
                                                     .releasedir = Release,
                                                     .statfs = StatFs};

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
  const int result = fuse_session_loop_mt(session, config);
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

/* calloc() takes no memory for what is never touched. */
static bool SetUp(void) {
  uint64_t keys[2];
  if (layout.dirs > kMostDirectories || layout.files > kMostFiles || End() > kMostInodes ||
      getrandom(keys, sizeof(keys), 0) != (ssize_t)sizeof(keys)) {
    return false;
  }
  node_key = keys[0] | kKeyBit;
  handle_key = keys[1] | kKeyBit;
  lookups = calloc(End(), sizeof(*lookups));
  return lookups != NULL;
}

int main(int argc, char* argv[]) {
  const struct fuse_opt options[] = {{"dirs=%u", offsetof(__typeof__(layout), dirs), 0},
                                     {"files=%u", offsetof(__typeof__(layout), files), 0},
                                     FUSE_OPT_END};
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  struct fuse_cmdline_opts command;
  if (fuse_parse_cmdline(&args, &command) != 0 ||
      fuse_opt_parse(&args, &layout, options, NULL) != 0 || command.mountpoint == NULL ||
      !SetUp()) {
    fprintf(stderr, "usage: %s [options] [-o dirs=N,files=N] <mountpoint>\n", argv[0]);
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
