#define FUSE_USE_VERSION 312

#include "mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/securebits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

int mirror_root = -1;

const char* BelowRoot(const char* path) {
  return path[1] == '\0' ? "." : path + 1;
}

int ResultOf(long result) {
  return result < 0 ? -errno : (int)result;
}

void ActAsCaller(void) {
  const struct fuse_context* caller = fuse_get_context();
  if (geteuid() == 0 && (caller->uid != 0 || caller->gid != 0)) {
    /* Per thread, unlike setresuid(2), and PrepareProcess() saw to it that no capability is lost.
     */
    setfsgid(caller->gid);
    setfsuid(caller->uid);
  }
}

void ActAsServer(void) {
  const int error = errno;
  if (geteuid() == 0) {
    setfsuid(0);
    setfsgid(getegid());
  }
  errno = error;
}

static void DoNotWant(struct fuse_conn_info* connection, unsigned capability) {
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 18)
  fuse_unset_feature_flag(connection, capability);
#else
  connection->want &= ~capability;
#endif
}

void WantForMirror(struct fuse_conn_info* connection) {
  /* A server with root's rights writes and truncates without clearing set-user-id bits: leave that
     to the kernel. */
  DoNotWant(connection, FUSE_CAP_HANDLE_KILLPRIV);
#ifdef FUSE_CAP_HANDLE_KILLPRIV_V2
  DoNotWant(connection, FUSE_CAP_HANDLE_KILLPRIV_V2);
#endif
  if (geteuid() == 0) {
    DoNotWant(connection, FUSE_CAP_ATOMIC_O_TRUNC);
  }
}

static int Access(const char* path, int mask) {
  return ResultOf(faccessat(mirror_root, BelowRoot(path), mask, AT_SYMLINK_NOFOLLOW));
}

static int ReadLink(const char* path, char* target, size_t size) {
  const ssize_t length = readlinkat(mirror_root, BelowRoot(path), target, size - 1);
  if (length < 0) {
    return -errno;
  }
  target[length] = '\0';
  return 0;
}

static int MkNod(const char* path, mode_t mode, dev_t device) {
  int result;
  ActAsCaller();
  result = mknodat(mirror_root, BelowRoot(path), mode, device);
  ActAsServer();
  return ResultOf(result);
}

static int MkDir(const char* path, mode_t mode) {
  int result;
  ActAsCaller();
  result = mkdirat(mirror_root, BelowRoot(path), mode);
  ActAsServer();
  return ResultOf(result);
}

static int Symlink(const char* target, const char* path) {
  int result;
  ActAsCaller();
  result = symlinkat(target, mirror_root, BelowRoot(path));
  ActAsServer();
  return ResultOf(result);
}

static int Unlink(const char* path) {
  return ResultOf(unlinkat(mirror_root, BelowRoot(path), 0));
}

static int RmDir(const char* path) {
  return ResultOf(unlinkat(mirror_root, BelowRoot(path), AT_REMOVEDIR));
}

static int Rename(const char* from, const char* to, unsigned int flags) {
  return ResultOf(renameat2(mirror_root, BelowRoot(from), mirror_root, BelowRoot(to), flags));
}

static int Link(const char* from, const char* to) {
  return ResultOf(linkat(mirror_root, BelowRoot(from), mirror_root, BelowRoot(to), 0));
}

static int StatFs(const char* path, struct statvfs* facts) {
  (void)path;
  return ResultOf(fstatvfs(mirror_root, facts));
}

/* Extended attributes have no calls relative to a directory; this path leads there all the same. */
static int FullPath(const char* path, char full[PATH_MAX]) {
  const int length = snprintf(full, PATH_MAX, "/proc/self/fd/%d/%s", mirror_root, BelowRoot(path));
  return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int SetXattr(const char* path, const char* name, const char* value, size_t size, int flags) {
  char full[PATH_MAX];
  const int error = FullPath(path, full);
  return error != 0 ? error : ResultOf(lsetxattr(full, name, value, size, flags));
}

static int GetXattr(const char* path, const char* name, char* value, size_t size) {
  char full[PATH_MAX];
  const int error = FullPath(path, full);
  return error != 0 ? error : ResultOf(lgetxattr(full, name, value, size));
}

static int ListXattr(const char* path, char* list, size_t size) {
  char full[PATH_MAX];
  const int error = FullPath(path, full);
  return error != 0 ? error : ResultOf(llistxattr(full, list, size));
}

static int RemoveXattr(const char* path, const char* name) {
  char full[PATH_MAX];
  const int error = FullPath(path, full);
  return error != 0 ? error : ResultOf(lremovexattr(full, name));
}

void AddNameOperations(struct fuse_operations* operations) {
  operations->access = Access;
  operations->readlink = ReadLink;
  operations->mknod = MkNod;
  operations->mkdir = MkDir;
  operations->symlink = Symlink;
  operations->unlink = Unlink;
  operations->rmdir = RmDir;
  operations->rename = Rename;
  operations->link = Link;
  operations->statfs = StatFs;
  operations->setxattr = SetXattr;
  operations->getxattr = GetXattr;
  operations->listxattr = ListXattr;
  operations->removexattr = RemoveXattr;
}

/* Open files: a handle is a descriptor. */

int OpenBelow(const char* path, int flags) {
  /* The kernel has seen O_DIRECT and keeps its cache out of the way; memory here is not aligned. */
  return openat(mirror_root, BelowRoot(path), (flags & ~O_DIRECT) | O_CLOEXEC | O_NOFOLLOW);
}

static int Opened(int fd, struct fuse_file_info* file) {
  if (fd < 0) {
    return -errno;
  }
  file->fh = (uint64_t)fd;
  return 0;
}

static int Create(const char* path, mode_t mode, struct fuse_file_info* file) {
  int fd;
  ActAsCaller();
  fd = openat(mirror_root, BelowRoot(path),
              (file->flags & ~O_DIRECT) | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
  ActAsServer();
  return Opened(fd, file);
}

static int Open(const char* path, struct fuse_file_info* file) {
  return Opened(OpenBelow(path, file->flags), file);
}

static int Release(const char* path, struct fuse_file_info* file) {
  (void)path;
  return ResultOf(close(FdOf(file)));
}

static int FSync(const char* path, int data_only, struct fuse_file_info* file) {
  (void)path;
  return ResultOf(data_only ? fdatasync(FdOf(file)) : fsync(FdOf(file)));
}

static int FAllocate(const char* path, int mode, off_t offset, off_t length,
                     struct fuse_file_info* file) {
  (void)path;
  return ResultOf(fallocate(FdOf(file), mode, offset, length));
}

static ssize_t CopyFileRange(const char* path_in, struct fuse_file_info* in, off_t offset_in,
                             const char* path_out, struct fuse_file_info* out, off_t offset_out,
                             size_t size, int flags) {
  const ssize_t copied =
      copy_file_range(FdOf(in), &offset_in, FdOf(out), &offset_out, size, (unsigned int)flags);
  (void)path_in;
  (void)path_out;
  return copied < 0 ? -errno : copied;
}

static off_t LSeek(const char* path, off_t offset, int whence, struct fuse_file_info* file) {
  const off_t found = lseek(FdOf(file), offset, whence);
  (void)path;
  return found < 0 ? -errno : found;
}

void AddFileOperations(struct fuse_operations* operations) {
  operations->create = Create;
  operations->open = Open;
  operations->release = Release;
  operations->fsync = FSync;
  operations->fallocate = FAllocate;
  operations->copy_file_range = CopyFileRange;
  operations->lseek = LSeek;
}

struct Options {
  char* source;
  int allow_other;
  int show_help;
};

enum { kKeyAllowOther, kKeyHelp };

static const struct fuse_opt kOptions[] = {{"source=%s", offsetof(struct Options, source), 0},
                                           FUSE_OPT_KEY("allow_other", kKeyAllowOther),
                                           FUSE_OPT_KEY("-h", kKeyHelp),
                                           FUSE_OPT_KEY("--help", kKeyHelp),
                                           FUSE_OPT_END};

/* What the library wants to see as well is left to it. */
static int NoteOption(void* data, const char* argument, int key, struct fuse_args* rest) {
  struct Options* options = data;
  (void)argument;
  (void)rest;
  options->allow_other |= key == kKeyAllowOther;
  options->show_help |= key == kKeyHelp;
  return 1;
}

/* The modes that applications ask for are those to make files with; and a thread that makes files
   for somebody else keeps its rights. */
static void PrepareProcess(void) {
  umask(0);
  if (geteuid() == 0 && prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) != 0) {
    perror("keeping capabilities");
  }
}

int MirrorMain(int argc, char* argv[], const struct fuse_operations* operations) {
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  struct Options options = {NULL, 0, 0};
  const char* source;
  int status;
  if (fuse_opt_parse(&args, &options, kOptions, NoteOption) != 0) {
    return 1;
  }
  source = options.source != NULL ? options.source : "/";
  mirror_root = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (mirror_root < 0) {
    perror(source);
    return 1;
  }
  if (options.allow_other && geteuid() == 0) {
    /* The server may do everything; what its callers may, the kernel checks. */
    fuse_opt_add_arg(&args, "-odefault_permissions");
  }
  if (options.show_help) {
    printf(
        "File system options:\n"
        "    -o source=DIR          the directory to mirror (/)\n\n");
  }
  PrepareProcess();
  status = fuse_main(args.argc, args.argv, operations, NULL);
  fuse_opt_free_args(&args);
  free(options.source);
  close(mirror_root);
  return status;
}
