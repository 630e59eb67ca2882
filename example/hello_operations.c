/* The operations of hello_ll and hello_ll_uds: one directory with one read-only file.
 *
 * Every operation answers its request exactly once, with one of the fuse_reply_ functions. The
 * kernel names files by number: 1 is the root, the rest is ours to choose.
 */

#define FUSE_USE_VERSION 312

#include "hello_operations.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char kName[] = "hello";
static const char kText[] = "Hello, world!\n";
static const size_t kTextSize = sizeof(kText) - 1;

enum { kHelloInode = FUSE_ROOT_ID + 1 };

/* Nothing here ever changes, so the kernel may remember all of it. */
static const double kForever = 1e9;

static bool Describe(fuse_ino_t ino, struct stat* attributes) {
  memset(attributes, 0, sizeof(*attributes));
  attributes->st_ino = ino;
  attributes->st_uid = getuid();
  attributes->st_gid = getgid();
  switch (ino) {
    case FUSE_ROOT_ID:
      attributes->st_mode = S_IFDIR | 0755;
      attributes->st_nlink = 2;
      return true;
    case kHelloInode:
      attributes->st_mode = S_IFREG | 0444;
      attributes->st_nlink = 1;
      attributes->st_size = (off_t)kTextSize;
      return true;
    default:
      return false;
  }
}

static void Lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  if (parent != FUSE_ROOT_ID || strcmp(name, kName) != 0) {
    fuse_reply_err(req, ENOENT);
    return;
  }
  struct fuse_entry_param entry = {
      .ino = kHelloInode, .attr_timeout = kForever, .entry_timeout = kForever};
  Describe(kHelloInode, &entry.attr);
  fuse_reply_entry(req, &entry);
}

static void GetAttr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* file) {
  (void)file;
  struct stat attributes;
  if (Describe(ino, &attributes)) {
    fuse_reply_attr(req, &attributes, kForever);
  } else {
    fuse_reply_err(req, ENOENT);
  }
}

static void Open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* file) {
  (void)ino;
  if ((file->flags & O_ACCMODE) != O_RDONLY) {
    fuse_reply_err(req, EACCES);
    return;
  }
  file->keep_cache = 1;
  fuse_reply_open(req, file);
}

/* The part of data that a read of size bytes at offset gets; past the end that is nothing. */
static void ReplyPart(fuse_req_t req, const char* data, size_t data_size, size_t size,
                      off_t offset) {
  size_t start = (size_t)offset < data_size ? (size_t)offset : data_size;
  size_t rest = data_size - start;
  fuse_reply_buf(req, data + start, size < rest ? size : rest);
}

static void Read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                 struct fuse_file_info* file) {
  (void)ino;
  (void)file;
  ReplyPart(req, kText, kTextSize, size, offset);
}

/* The offset given with an entry is where reading goes on after it: here, the entry's index + 1. */
static void ReadDir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info* file) {
  (void)file;
  if (ino != FUSE_ROOT_ID) {
    fuse_reply_err(req, ENOTDIR);
    return;
  }
  const struct {
    const char* name;
    fuse_ino_t ino;
  } entries[] = {{".", FUSE_ROOT_ID}, {"..", FUSE_ROOT_ID}, {kName, kHelloInode}};
  const size_t count = sizeof(entries) / sizeof(entries[0]);

  char buffer[512];
  size_t room = size < sizeof(buffer) ? size : sizeof(buffer);
  size_t used = 0;
  for (size_t i = (size_t)offset; i < count; ++i) {
    struct stat attributes;
    Describe(entries[i].ino, &attributes);
    size_t need = fuse_add_direntry(req, buffer + used, room - used, entries[i].name, &attributes,
                                    (off_t)(i + 1));
    if (need > room - used) {
      break;
    }
    used += need;
  }
  fuse_reply_buf(req, buffer, used);
}

const struct fuse_lowlevel_ops kHelloOperations = {
    .lookup = Lookup, .getattr = GetAttr, .open = Open, .read = Read, .readdir = ReadDir};
