#include "posix_locks.h"

#include <cerrno>

int PosixLocks::Get(const Key& key, const Open& open, struct flock* lock) {
  std::lock_guard guard(mutex_);
  const auto holder = holders_.find(key);
  const Fd own = holder == holders_.end() ? open() : Fd();
  const int fd = holder == holders_.end() ? own.Get() : holder->second.Get();
  lock->l_pid = 0;
  if (fd < 0 || fcntl(fd, F_OFD_GETLK, lock) != 0) {
    return errno;
  }
  lock->l_pid = 0;  // such locks belong to no process; this is how to say so
  return 0;
}

int PosixLocks::Set(const Key& key, const Open& open, struct flock lock) {
  std::lock_guard guard(mutex_);
  auto holder = holders_.find(key);
  if (holder == holders_.end()) {
    if (lock.l_type == F_UNLCK) {
      return 0;
    }
    Fd opened = open();
    if (!opened.IsOpen()) {
      return errno;
    }
    holder = holders_.emplace(key, std::move(opened)).first;
  }
  lock.l_pid = 0;
  return fcntl(holder->second.Get(), F_OFD_SETLK, &lock) == 0 ? 0
         : errno == EACCES                                    ? EAGAIN
                                                              : errno;
}

void PosixLocks::Drop(const Key& key) {
  std::lock_guard guard(mutex_);
  holders_.erase(key);
}

void PosixLocks::Opened(const Inode* inode) {
  std::lock_guard guard(mutex_);
  ++open_files_[inode];
}

void PosixLocks::Closed(const Inode* inode) {
  std::lock_guard guard(mutex_);
  const auto open = open_files_.find(inode);
  if (open == open_files_.end() || --open->second > 0) {
    return;
  }
  open_files_.erase(open);
  holders_.erase(holders_.lower_bound({inode, 0}), holders_.upper_bound({inode, UINT64_MAX}));
}
