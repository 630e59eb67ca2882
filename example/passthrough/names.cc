// Names: finding, making, moving and removing them, and forgetting what they led to.

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>

#include "filesystem.h"

namespace {

void Lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  Filesystem& fs = Filesystem::Of(req);
  fuse_entry_param entry{};
  int error = fs.LookUp(parent, name, &entry);
  if (error == ENOENT && fs.options.cache == Options::kAlways) {
    // An entry without an inode says "no such name" and for how long.
    entry = {};
    entry.entry_timeout = fs.options.Timeout();
    error = 0;
  }
  ReplyEntry(req, error, entry);
}

void ForgetOne(Filesystem& fs, fuse_ino_t ino, uint64_t count) {
  if (ino != FUSE_ROOT_ID) {
    fs.inodes.Forget(&fs.InodeOf(ino), count);
  }
}

void Forget(fuse_req_t req, fuse_ino_t ino, uint64_t count) {
  ForgetOne(Filesystem::Of(req), ino, count);
  fuse_reply_none(req);
}

void ForgetMulti(fuse_req_t req, size_t count, fuse_forget_data* forgets) {
  Filesystem& fs = Filesystem::Of(req);
  std::for_each_n(forgets, count, [&fs](const fuse_forget_data& forget) {
    ForgetOne(fs, forget.ino, forget.nlookup);
  });
  fuse_reply_none(req);
}

// Makes a name in parent, as the caller, and answers with what it now stands for.
template <typename MakeIn>
void Make(fuse_req_t req, fuse_ino_t parent, const char* name, MakeIn make) {
  Filesystem& fs = Filesystem::Of(req);
  int error;
  {
    const ActingAsCaller caller(req);
    error = ErrorOf(make(fs.PathFd(parent)));
  }
  fuse_entry_param entry{};
  if (error == 0) {
    error = fs.LookUp(parent, name, &entry);
  }
  ReplyEntry(req, error, entry);
}

void MkNod(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode, dev_t device) {
  Make(req, parent, name, [=](int in) { return mknodat(in, name, mode, device); });
}

void MkDir(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode) {
  Make(req, parent, name, [=](int in) { return mkdirat(in, name, mode); });
}

void Symlink(fuse_req_t req, const char* target, fuse_ino_t parent, const char* name) {
  Make(req, parent, name, [=](int in) { return symlinkat(target, in, name); });
}

void Link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char* name) {
  Filesystem& fs = Filesystem::Of(req);
  const FdPath path(fs.PathFd(ino));
  int error = ErrorOf(linkat(AT_FDCWD, path.c_str(), fs.PathFd(parent), name, AT_SYMLINK_FOLLOW));
  fuse_entry_param entry{};
  if (error == 0) {
    error = fs.LookUp(parent, name, &entry);
  }
  ReplyEntry(req, error, entry);
}

void Unlink(fuse_req_t req, fuse_ino_t parent, const char* name) {
  fuse_reply_err(req, ErrorOf(unlinkat(Filesystem::Of(req).PathFd(parent), name, 0)));
}

void RmDir(fuse_req_t req, fuse_ino_t parent, const char* name) {
  fuse_reply_err(req, ErrorOf(unlinkat(Filesystem::Of(req).PathFd(parent), name, AT_REMOVEDIR)));
}

void Rename(fuse_req_t req, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
            const char* new_name, unsigned flags) {
  Filesystem& fs = Filesystem::Of(req);
  fuse_reply_err(
      req, ErrorOf(renameat2(fs.PathFd(parent), name, fs.PathFd(new_parent), new_name, flags)));
}

void ReadLink(fuse_req_t req, fuse_ino_t ino) {
  char target[PATH_MAX + 1];
  const ssize_t length = readlinkat(Filesystem::Of(req).PathFd(ino), "", target, sizeof(target));
  if (length < 0) {
    fuse_reply_err(req, errno);
  } else if (length == sizeof(target)) {
    fuse_reply_err(req, ENAMETOOLONG);
  } else {
    target[length] = '\0';
    fuse_reply_readlink(req, target);
  }
}

}  // namespace

void AddNameOperations(fuse_lowlevel_ops* ops) {
  ops->lookup = Lookup;
  ops->forget = Forget;
  ops->forget_multi = ForgetMulti;
  ops->mknod = MkNod;
  ops->mkdir = MkDir;
  ops->symlink = Symlink;
  ops->link = Link;
  ops->unlink = Unlink;
  ops->rmdir = RmDir;
  ops->rename = Rename;
  ops->readlink = ReadLink;
}
