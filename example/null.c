/* null: a file that takes everything and gives zeroes, mounted on a file.
 *
 *     touch sink && null sink && cp big sink && head -c 100 sink | od -c
 *
 * The root of a filesystem need not be a directory: this one is a single regular file, of a size
 * that is given with --size= (in bytes; 4 GiB without). What is written is gone at once, so the
 * time it takes is that of the path through kernel and library alone. Build it with:
 *
 *     cc null.c $(pkg-config --cflags --libs fuse3) -o null
 */

#define FUSE_USE_VERSION 31

#include <errno.h>
#include <fuse.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct { unsigned long long size; } options = {4ULL << 30};

static const struct fuse_opt kOptions[] = {{"--size=%llu", 0, 0}, FUSE_OPT_END};

static int IsRoot(const char* path) {
  return strcmp(path, "/") == 0;
}

static int GetAttr(const char* path, struct stat* attributes, struct fuse_file_info* file) {
  (void)file;
  if (!IsRoot(path)) {
    return -ENOENT;
  }
  memset(attributes, 0, sizeof(*attributes));
  attributes->st_mode = S_IFREG | 0644;
  attributes->st_nlink = 1;
  attributes->st_uid = getuid();
  attributes->st_gid = getgid();
  attributes->st_size = (off_t)options.size;
  attributes->st_blocks = 0;
  attributes->st_atime = attributes->st_mtime = attributes->st_ctime = time(NULL);
  return 0;
}

static int Truncate(const char* path, off_t size, struct fuse_file_info* file) {
  (void)size;
  (void)file;
  return IsRoot(path) ? 0 : -ENOENT;
}

static int Open(const char* path, struct fuse_file_info* file) {
  (void)file;
  return IsRoot(path) ? 0 : -ENOENT;
}

static int Read(const char* path, char* buffer, size_t size, off_t offset,
                struct fuse_file_info* file) {
  (void)file;
  if (!IsRoot(path)) {
    return -ENOENT;
  }
  if ((unsigned long long)offset >= options.size) {
    return 0;
  }
  if (size > options.size - (unsigned long long)offset) {
    size = (size_t)(options.size - (unsigned long long)offset);
  }
  memset(buffer, 0, size);
  return (int)size;
}

static int Write(const char* path, const char* buffer, size_t size, off_t offset,
                 struct fuse_file_info* file) {
  (void)buffer;
  (void)offset;
  (void)file;
  return IsRoot(path) ? (int)size : -ENOENT;
}

static const struct fuse_operations kOperations = {
    .getattr = GetAttr,
    .truncate = Truncate,
    .open = Open,
    .read = Read,
    .write = Write,
};

int main(int argc, char* argv[]) {
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  int status;
  if (fuse_opt_parse(&args, &options, kOptions, NULL) != 0) {
    return 1;
  }
  status = fuse_main(args.argc, args.argv, &kOperations, NULL);
  fuse_opt_free_args(&args);
  return status;
}
