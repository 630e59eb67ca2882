// POSIX record locks, on behalf of the mount's many processes, by a server that is only one.
//
// The kernel tells processes apart by a lock owner. Each owner with a lock on a file gets a
// descriptor of its own, since open file description locks belong to a descriptor. As POSIX wants,
// an owner that closes any descriptor of the file loses all its locks on it. What an open file
// description of a process has locked goes when nobody has the file open any more: the kernel does
// not say when it is closed.

#pragma once

#include <fcntl.h>

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

#include "fd.h"

struct Inode;

class PosixLocks {
 public:
  using Key = std::pair<const Inode*, uint64_t>;  // a file and a lock owner
  using Open = std::function<Fd()>;               // opens that file, for locking

  // Both return an errno. Set never waits: EAGAIN says that another owner has a lock there.
  int Get(const Key& key, const Open& open, struct flock* lock);
  int Set(const Key& key, const Open& open, struct flock lock);

  void Drop(const Key& key);

  void Opened(const Inode* inode);
  void Closed(const Inode* inode);

 private:
  std::mutex mutex_;
  std::map<const Inode*, uint64_t> open_files_;  // how often each is open
  std::map<Key, Fd> holders_;
};
