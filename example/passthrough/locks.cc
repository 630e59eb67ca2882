// flock and POSIX record locks.

#include <fcntl.h>
#include <sys/file.h>

#include "filesystem.h"

namespace {

void Flock(fuse_req_t req, fuse_ino_t, fuse_file_info* file, int operation) {
  const int fd = HandleOf(file);
  Filesystem::Of(req).lock_waiter.Lock(req, (operation & LOCK_NB) == 0, [fd, operation] {
    return ErrorOf(flock(fd, operation | LOCK_NB));  // EWOULDBLOCK is EAGAIN
  });
}

// A lock for writing needs a descriptor for writing, which not every file allows.
PosixLocks::Open OpenerOf(Filesystem& fs, fuse_ino_t ino) {
  return [&fs, ino] {
    Fd both = fs.Reopen(ino, O_RDWR);
    return both.IsOpen() ? std::move(both) : fs.Reopen(ino, O_RDONLY);
  };
}

void GetLock(fuse_req_t req, fuse_ino_t ino, fuse_file_info* file, struct flock* lock) {
  Filesystem& fs = Filesystem::Of(req);
  const int error =
      fs.posix_locks.Get({&fs.InodeOf(ino), file->lock_owner}, OpenerOf(fs, ino), lock);
  if (error != 0) {
    fuse_reply_err(req, error);
  } else {
    fuse_reply_lock(req, lock);
  }
}

void SetLock(fuse_req_t req, fuse_ino_t ino, fuse_file_info* file, struct flock* lock, int sleep) {
  Filesystem& fs = Filesystem::Of(req);
  const PosixLocks::Key key{&fs.InodeOf(ino), file->lock_owner};
  fs.lock_waiter.Lock(req, sleep != 0, [&fs, key, ino, lock = *lock] {
    return fs.posix_locks.Set(key, OpenerOf(fs, ino), lock);
  });
}

}  // namespace

void AddLockOperations(fuse_lowlevel_ops* ops) {
  ops->flock = Flock;
  ops->getlk = GetLock;
  ops->setlk = SetLock;
}
