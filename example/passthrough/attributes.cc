// What is known about a file: attributes, space, permission.

#include <fcntl.h>
#include <sys/statvfs.h>

#include "filesystem.h"

namespace {

void ReplyAttributes(fuse_req_t req, fuse_ino_t ino) {
  Filesystem& fs = Filesystem::Of(req);
  struct stat attributes;
  if (fstat(fs.PathFd(ino), &attributes) != 0) {
    fuse_reply_err(req, errno);
  } else {
    fuse_reply_attr(req, &attributes, fs.options.Timeout());
  }
}

void GetAttr(fuse_req_t req, fuse_ino_t ino, fuse_file_info*) {
  ReplyAttributes(req, ino);
}

int SetMode(int path_fd, mode_t mode) {
  return ErrorOf(chmod(FdPath(path_fd).c_str(), mode));
}

int SetOwner(int path_fd, const struct stat& wanted, int which) {
  const uid_t keep = static_cast<uid_t>(-1);
  return ErrorOf(fchownat(path_fd, "", which & FUSE_SET_ATTR_UID ? wanted.st_uid : keep,
                          which & FUSE_SET_ATTR_GID ? wanted.st_gid : keep,
                          AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
}

// An open file may be cut even if its mode has come to forbid writing since.
int SetSize(int path_fd, off_t size, const fuse_file_info* file) {
  return ErrorOf(file != nullptr ? ftruncate(HandleOf(file), size)
                                 : truncate(FdPath(path_fd).c_str(), size));
}

timespec TimeToSet(int which, int given, int now, const timespec& value) {
  if (which & now) {
    return {0, UTIME_NOW};
  }
  return which & given ? value : timespec{0, UTIME_OMIT};
}

int SetTimes(int path_fd, const struct stat& wanted, int which) {
  const timespec times[2] = {
      TimeToSet(which, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW, wanted.st_atim),
      TimeToSet(which, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW, wanted.st_mtim)};
  return ErrorOf(utimensat(path_fd, "", times, AT_EMPTY_PATH));
}

// The order matters: changing the owner clears set-user-id bits that a new mode may bring, and
// changing the size moves the times.
void SetAttr(fuse_req_t req, fuse_ino_t ino, struct stat* wanted, int which, fuse_file_info* file) {
  constexpr int kTimes =
      FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW;
  constexpr int kOwner = FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID;
  constexpr int kAll = kOwner | FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_SIZE | kTimes;
  const int path_fd = Filesystem::Of(req).PathFd(ino);
  int error = 0;
  // Nothing at all is what chown(2) is called for at times, and that moves the change time.
  if ((which & kOwner) || (which & kAll) == 0) {
    error = SetOwner(path_fd, *wanted, which);
  }
  if (error == 0 && (which & FUSE_SET_ATTR_MODE)) {
    error = SetMode(path_fd, wanted->st_mode & 07777);
  }
  if (error == 0 && (which & FUSE_SET_ATTR_SIZE)) {
    error = SetSize(path_fd, wanted->st_size, file);
  }
  if (error == 0 && (which & kTimes)) {
    error = SetTimes(path_fd, *wanted, which);
  }
  if (error != 0) {
    fuse_reply_err(req, error);
  } else {
    ReplyAttributes(req, ino);
  }
}

#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 18)
void Statx(fuse_req_t req, fuse_ino_t ino, int flags, int mask, fuse_file_info*) {
  Filesystem& fs = Filesystem::Of(req);
  struct statx found {};
  if (statx(fs.PathFd(ino), "", AT_EMPTY_PATH | (flags & AT_STATX_SYNC_TYPE),
            static_cast<unsigned>(mask), &found) != 0) {
    fuse_reply_err(req, errno);
  } else {
    fuse_reply_statx(req, 0, &found, fs.options.Timeout());
  }
}
#endif

void StatFs(fuse_req_t req, fuse_ino_t ino) {
  struct statvfs space;
  if (fstatvfs(Filesystem::Of(req).PathFd(ino), &space) != 0) {
    fuse_reply_err(req, errno);
  } else {
    fuse_reply_statfs(req, &space);
  }
}

// Asked only without default_permissions, that is, when only the server's own user gets in here.
void Access(fuse_req_t req, fuse_ino_t ino, int mask) {
  const FdPath path(Filesystem::Of(req).PathFd(ino));
  fuse_reply_err(req, ErrorOf(faccessat(AT_FDCWD, path.c_str(), mask, 0)));
}

}  // namespace

void AddAttributeOperations(fuse_lowlevel_ops* ops) {
  ops->getattr = GetAttr;
  ops->setattr = SetAttr;
  ops->statfs = StatFs;
  ops->access = Access;
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 18)
  ops->statx = Statx;
#endif
}
