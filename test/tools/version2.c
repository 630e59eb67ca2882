/* libfuse.so.2 over libfuse3, as far as unionfs-fuse needs it: Debian builds that for version 2 of
 * the interface alone, and with this its program runs on our library as it is. Operations are
 * handed on with version 3's parameters; one that is not known here ends the program with a
 * message.
 *
 * The structures are those of version 2.9, whose sizes and places are part of its ABI.
 */

#define FUSE_USE_VERSION 35

#include <errno.h>
#include <fuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Info2 {
  int flags;
  unsigned long old_fh;
  int writepage;
  unsigned direct_io : 1;
  unsigned keep_cache : 1;
  unsigned flush : 1;
  unsigned nonseekable : 1;
  unsigned flock_release : 1;
  unsigned padding : 27;
  uint64_t fh;
  uint64_t lock_owner;
};

struct Connection2 {
  unsigned proto_major, proto_minor, async_read, max_write, max_readahead, capable, want;
  unsigned max_background, congestion_threshold, reserved[23];
};

typedef int (*Fill2)(void* buffer, const char* name, const struct stat* attr, off_t offset);
typedef void (*Unknown2)(void);

struct Operations2 {
  int (*getattr)(const char*, struct stat*);
  int (*readlink)(const char*, char*, size_t);
  Unknown2 getdir;
  int (*mknod)(const char*, mode_t, dev_t);
  int (*mkdir)(const char*, mode_t);
  int (*unlink)(const char*);
  int (*rmdir)(const char*);
  int (*symlink)(const char*, const char*);
  int (*rename)(const char*, const char*);
  int (*link)(const char*, const char*);
  int (*chmod)(const char*, mode_t);
  int (*chown)(const char*, uid_t, gid_t);
  int (*truncate)(const char*, off_t);
  Unknown2 utime;
  int (*open)(const char*, struct Info2*);
  int (*read)(const char*, char*, size_t, off_t, struct Info2*);
  int (*write)(const char*, const char*, size_t, off_t, struct Info2*);
  int (*statfs)(const char*, struct statvfs*);
  int (*flush)(const char*, struct Info2*);
  int (*release)(const char*, struct Info2*);
  int (*fsync)(const char*, int, struct Info2*);
  int (*setxattr)(const char*, const char*, const char*, size_t, int);
  int (*getxattr)(const char*, const char*, char*, size_t);
  int (*listxattr)(const char*, char*, size_t);
  int (*removexattr)(const char*, const char*);
  Unknown2 opendir;
  int (*readdir)(const char*, void*, Fill2, off_t, struct Info2*);
  Unknown2 releasedir, fsyncdir;
  void* (*init)(struct Connection2*);
  Unknown2 destroy, access;
  int (*create)(const char*, mode_t, struct Info2*);
  Unknown2 ftruncate, fgetattr, lock;
  int (*utimens)(const char*, const struct timespec[2]);
  Unknown2 bmap;
  unsigned flags, spare;
  int (*ioctl)(const char*, int, void*, struct Info2*, unsigned, void*);
  Unknown2 poll, write_buf, read_buf, flock, fallocate;
};

_Static_assert(sizeof(struct Operations2) == 360, "fuse_operations of 2.9");
_Static_assert(offsetof(struct Operations2, ioctl) == 312, "fuse_operations of 2.9");
_Static_assert(sizeof(struct Info2) == 40 && offsetof(struct Info2, fh) == 24,
               "fuse_file_info of 2.9");
_Static_assert(sizeof(struct Connection2) == 128, "fuse_conn_info of 2.9");

static struct Operations2 program;

static struct Info2 Lower(const struct fuse_file_info* info) {
  struct Info2 lower = {.flags = info->flags,
                        .old_fh = info->fh,
                        .writepage = info->writepage,
                        .flush = info->flush,
                        .flock_release = info->flock_release,
                        .fh = info->fh,
                        .lock_owner = info->lock_owner};
  return lower;
}

// What an operation that opens says of the file.
static void Raise(const struct Info2* lower, struct fuse_file_info* info) {
  info->fh = lower->fh;
  info->direct_io = lower->direct_io;
  info->keep_cache = lower->keep_cache;
  info->nonseekable = lower->nonseekable;
}

static int Getattr(const char* path, struct stat* attr, struct fuse_file_info* info) {
  (void)info;
  return program.getattr(path, attr);
}
static int Rename(const char* from, const char* to, unsigned flags) {
  return flags ? -EINVAL : program.rename(from, to);
}
static int Chmod(const char* path, mode_t mode, struct fuse_file_info* info) {
  (void)info;
  return program.chmod(path, mode);
}
static int Chown(const char* path, uid_t uid, gid_t gid, struct fuse_file_info* info) {
  (void)info;
  return program.chown(path, uid, gid);
}
static int Truncate(const char* path, off_t size, struct fuse_file_info* info) {
  (void)info;
  return program.truncate(path, size);
}
static int Utimens(const char* path, const struct timespec times[2], struct fuse_file_info* info) {
  (void)info;
  return program.utimens(path, times);
}

static int Open(const char* path, struct fuse_file_info* info) {
  struct Info2 lower = Lower(info);
  const int result = program.open(path, &lower);
  Raise(&lower, info);
  return result;
}
static int Create(const char* path, mode_t mode, struct fuse_file_info* info) {
  struct Info2 lower = Lower(info);
  const int result = program.create(path, mode, &lower);
  Raise(&lower, info);
  return result;
}
static int Read(const char* path, char* data, size_t size, off_t at, struct fuse_file_info* info) {
  struct Info2 lower = Lower(info);
  return program.read(path, data, size, at, &lower);
}
static int Write(const char* path, const char* data, size_t size, off_t at,
                 struct fuse_file_info* info) {
  struct Info2 lower = Lower(info);
  return program.write(path, data, size, at, &lower);
}
static int Flush(const char* path, struct fuse_file_info* info) {
  struct Info2 lower = Lower(info);
  return program.flush(path, &lower);
}
static int Release(const char* path, struct fuse_file_info* info) {
  struct Info2 lower = Lower(info);
  return program.release(path, &lower);
}
static int Fsync(const char* path, int data_only, struct fuse_file_info* info) {
  struct Info2 lower = Lower(info);
  return program.fsync(path, data_only, &lower);
}
static int Ioctl(const char* path, unsigned command, void* argument, struct fuse_file_info* info,
                 unsigned flags, void* data) {
  struct Info2 lower = Lower(info);
  return program.ioctl(path, (int)command, argument, &lower, flags, data);
}

struct Filling {
  void* buffer;
  fuse_fill_dir_t fill;
};

static int Fill(void* filling, const char* name, const struct stat* attr, off_t offset) {
  const struct Filling* to = filling;
  return to->fill(to->buffer, name, attr, offset, 0);
}

static int Readdir(const char* path, void* buffer, fuse_fill_dir_t fill, off_t offset,
                   struct fuse_file_info* info, enum fuse_readdir_flags flags) {
  struct Filling filling = {buffer, fill};
  struct Info2 lower = Lower(info);
  (void)flags;
  return program.readdir(path, &filling, Fill, offset, &lower);
}

static void* Init(struct fuse_conn_info* connection, struct fuse_config* config) {
  // Version 3 has capabilities in `want` that version 2 does not know; it can only add to them.
  struct Connection2 lower = {.proto_major = connection->proto_major,
                              .proto_minor = connection->proto_minor,
                              .max_write = connection->max_write,
                              .max_readahead = connection->max_readahead,
                              .capable = connection->capable,
                              .want = connection->want};
  (void)config;
  void* data = program.init(&lower);
  connection->want |= lower.want & connection->capable;
  return data;
}

static bool KnowsAll(const struct Operations2* of) {
  return !of->getdir && !of->utime && !of->opendir && !of->releasedir && !of->fsyncdir &&
         !of->destroy && !of->access && !of->ftruncate && !of->fgetattr && !of->lock && !of->bmap &&
         !of->poll && !of->write_buf && !of->read_buf && !of->flock && !of->fallocate;
}

// What became the rule in version 3 is no option there.
static const struct fuse_opt gone[] = {FUSE_OPT_KEY("big_writes", FUSE_OPT_KEY_DISCARD),
                                       FUSE_OPT_END};

#define TAKE(name) .name = program.name
#define HAND(name, by) .name = program.name ? (by) : NULL

int Main(int argc, char* argv[], const struct Operations2* operations, size_t size, void* data) {
  memcpy(&program, operations, size < sizeof program ? size : sizeof program);
  if (!KnowsAll(&program)) {
    fprintf(stderr, "version2: the program has an operation that is not handed on here\n");
    return 1;
  }
  const struct fuse_operations handed = {
      TAKE(readlink),
      TAKE(mknod),
      TAKE(mkdir),
      TAKE(unlink),
      TAKE(rmdir),
      TAKE(symlink),
      TAKE(link),
      TAKE(statfs),
      TAKE(setxattr),
      TAKE(getxattr),
      TAKE(listxattr),
      TAKE(removexattr),
      HAND(getattr, Getattr),
      HAND(rename, Rename),
      HAND(chmod, Chmod),
      HAND(chown, Chown),
      HAND(truncate, Truncate),
      HAND(utimens, Utimens),
      HAND(open, Open),
      HAND(create, Create),
      HAND(read, Read),
      HAND(write, Write),
      HAND(flush, Flush),
      HAND(release, Release),
      HAND(fsync, Fsync),
      HAND(ioctl, Ioctl),
      HAND(readdir, Readdir),
      HAND(init, Init),
  };
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  if (fuse_opt_parse(&args, NULL, gone, NULL) != 0) return 1;
  const int status = fuse_main(args.argc, args.argv, &handed, data);
  fuse_opt_free_args(&args);
  return status;
}

int Parse(struct fuse_args* args, void* data, const struct fuse_opt options[],
          fuse_opt_proc_t process) {
  return fuse_opt_parse(args, data, options, process);
}
int AddArgument(struct fuse_args* args, const char* argument) {
  return fuse_opt_add_arg(args, argument);
}
struct fuse_context* Context(void) {
  return fuse_get_context();
}

// One @ each: names of this file in calls above are then those of libfuse3.
__asm__(".symver Main, fuse_main_real@FUSE_2.6");
__asm__(".symver Parse, fuse_opt_parse@FUSE_2.5");
__asm__(".symver AddArgument, fuse_opt_add_arg@FUSE_2.5");
__asm__(".symver Context, fuse_get_context@FUSE_2.8");
