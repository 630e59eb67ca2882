// What every operation of the mirror needs: the options, the files in use, and how to reach them.

#pragma once

#define FUSE_USE_VERSION 312

#include <fuse_lowlevel.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "backing.h"
#include "fd.h"
#include "inode_table.h"
#include "lock_waiter.h"
#include "options.h"
#include "posix_locks.h"

// A system call's result as the errno to reply with: 0 for success.
inline int ErrorOf(long result) {
  return result < 0 ? errno : 0;
}

struct Filesystem {
  Filesystem(const Options& chosen, Fd source, FileKey source_key)
      : options(chosen), root(std::move(source), source_key) {}

  static Filesystem& Of(fuse_req_t req) {
    return *static_cast<Filesystem*>(fuse_req_userdata(req));
  }

  Inode& InodeOf(fuse_ino_t ino) {
    return ino == FUSE_ROOT_ID ? root : *reinterpret_cast<Inode*>(ino);
  }
  int PathFd(fuse_ino_t ino) { return InodeOf(ino).path.Get(); }

  // Describes parent's child name and counts a lookup of it. Returns an errno, and then counted
  // nothing.
  int LookUp(fuse_ino_t parent, const char* name, fuse_entry_param* entry);

  // The same for a file that is at hand already, opened with O_PATH.
  int Adopt(Fd path, fuse_entry_param* entry);

  // Takes one lookup back: the kernel did not get, or did not want, the entry.
  void Unlook(const fuse_entry_param& entry);

  // Opens the file for I/O with open(2)'s flags.
  Fd Reopen(fuse_ino_t ino, int flags);

  // The flags for the file behind, given what an application opened with.
  int BackingFlags(int flags) const;

  // Sets the caching that the options ask for.
  void SetCaching(fuse_file_info* file) const;

  const Options options;
  Inode root;  // not in the table: the kernel never forgets it
  InodeTable inodes;
  BackingFiles backing_files;
  PosixLocks posix_locks;
  LockWaiter lock_waiter;  // the last member: its thread uses those above

  // The device number of this very mount, once mounted. A call into it from one of its own threads
  // might wait for itself.
  dev_t own_device = 0;
};

// A name by which system calls that take only paths reach an open file, even one opened with
// O_PATH, even a symbolic link or a file without any name left.
class FdPath {
 public:
  explicit FdPath(int fd);
  const char* c_str() const { return text_.data(); }

 private:
  std::array<char, 32> text_;
};

// While in scope, this thread makes files as the request's caller, who then owns them. A server
// that is not root can only make its own.
class ActingAsCaller {
 public:
  explicit ActingAsCaller(fuse_req_t req);
  ~ActingAsCaller();
  ActingAsCaller(const ActingAsCaller&) = delete;
  ActingAsCaller& operator=(const ActingAsCaller&) = delete;

 private:
  const bool switched_;
};

// Sends the entry, or the error. Takes the lookup back if nobody got it.
void ReplyEntry(fuse_req_t req, int error, const fuse_entry_param& entry);

// Hands an opened file to the kernel, which releases it later. With an entry it was just created.
void ReplyOpened(fuse_req_t req, fuse_ino_t ino, Fd opened, fuse_file_info* file,
                 const fuse_entry_param* entry = nullptr);

inline int HandleOf(const fuse_file_info* file) {
  return static_cast<int>(file->fh);
}

// Each source file brings its own operations.
void AddAttributeOperations(fuse_lowlevel_ops* ops);
void AddNameOperations(fuse_lowlevel_ops* ops);
void AddFileOperations(fuse_lowlevel_ops* ops);
void AddDirectoryOperations(fuse_lowlevel_ops* ops);
void AddXattrOperations(fuse_lowlevel_ops* ops);
void AddLockOperations(fuse_lowlevel_ops* ops);
