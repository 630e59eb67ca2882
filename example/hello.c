/* hello: the smallest useful filesystem of paths.
 *
 * The mount shows one directory with one read-only file:
 *
 *     hello /mnt && cat /mnt/hello && fusermount3 -u /mnt
 *     hello --name=motd --contents='Be careful.' /mnt && cat /mnt/motd
 *
 * Build it with:
 *
 *     cc hello.c $(pkg-config --cflags --libs fuse3) -o hello
 *
 * Every operation returns its result: 0 or a length, or a negative errno. What is not implemented,
 * such as writing, is answered by the library.
 */

#define FUSE_USE_VERSION 31

#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct Options {
  const char* name;
  const char* contents;
  int show_help;
};

static struct Options options = {"hello", "Hello, world!\n", 0};

static const struct fuse_opt kOptions[] = {{"--name=%s", offsetof(struct Options, name), 0},
                                           {"--contents=%s", offsetof(struct Options, contents), 0},
                                           {"-h", offsetof(struct Options, show_help), 1},
                                           {"--help", offsetof(struct Options, show_help), 1},
                                           FUSE_OPT_END};

static int IsFile(const char* path) {
  return path[0] == '/' && strcmp(path + 1, options.name) == 0;
}

static void* Init(struct fuse_conn_info* connection, struct fuse_config* config) {
  (void)connection;
  config->kernel_cache = 1; /* nothing here ever changes */
  return NULL;
}

static int GetAttr(const char* path, struct stat* attributes, struct fuse_file_info* file) {
  (void)file;
  memset(attributes, 0, sizeof(*attributes));
  attributes->st_uid = getuid();
  attributes->st_gid = getgid();
  if (strcmp(path, "/") == 0) {
    attributes->st_mode = S_IFDIR | 0755;
    attributes->st_nlink = 2;
    return 0;
  }
  if (!IsFile(path)) {
    return -ENOENT;
  }
  attributes->st_mode = S_IFREG | 0444;
  attributes->st_nlink = 1;
  attributes->st_size = (off_t)strlen(options.contents);
  return 0;
}

static int ReadDir(const char* path, void* buffer, fuse_fill_dir_t fill, off_t offset,
                   struct fuse_file_info* file, enum fuse_readdir_flags flags) {
  (void)offset;
  (void)file;
  (void)flags;
  if (strcmp(path, "/") != 0) {
    return -ENOENT;
  }
  /* All at once, so no entry needs an offset. */
  fill(buffer, ".", NULL, 0, (enum fuse_fill_dir_flags)0);
  fill(buffer, "..", NULL, 0, (enum fuse_fill_dir_flags)0);
  fill(buffer, options.name, NULL, 0, (enum fuse_fill_dir_flags)0);
  return 0;
}

static int Open(const char* path, struct fuse_file_info* file) {
  if (!IsFile(path)) {
    return -ENOENT;
  }
  return (file->flags & O_ACCMODE) == O_RDONLY ? 0 : -EACCES;
}

static int Read(const char* path, char* buffer, size_t size, off_t offset,
                struct fuse_file_info* file) {
  const size_t length = strlen(options.contents);
  size_t rest;
  (void)file;
  if (!IsFile(path)) {
    return -ENOENT;
  }
  if ((size_t)offset >= length) {
    return 0;
  }
  rest = length - (size_t)offset;
  if (size > rest) {
    size = rest;
  }
  memcpy(buffer, options.contents + offset, size);
  return (int)size;
}

static const struct fuse_operations kOperations = {
    .init = Init,
    .getattr = GetAttr,
    .readdir = ReadDir,
    .open = Open,
    .read = Read,
};

int main(int argc, char* argv[]) {
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  int status;
  /* "%s" puts copies into the variables, and frees what was there: only what may be freed. */
  options.name = strdup(options.name);
  options.contents = strdup(options.contents);
  if (fuse_opt_parse(&args, &options, kOptions, NULL) != 0) {
    return 1;
  }
  if (options.show_help) {
    /* Say what is known here, and let the library say the rest; an empty program name keeps it
       from saying how the program is called a second time. */
    printf("usage: %s [options] <mountpoint>\n\n", argv[0]);
    printf(
        "File system options:\n"
        "    --name=NAME            what the file is called (hello)\n"
        "    --contents=TEXT        what is in it (Hello, world!)\n\n");
    fuse_opt_add_arg(&args, "--help");
    args.argv[0][0] = '\0';
  }
  status = fuse_main(args.argc, args.argv, &kOperations, NULL);
  fuse_opt_free_args(&args);
  return status;
}
