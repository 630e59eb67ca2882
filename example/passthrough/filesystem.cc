#include "filesystem.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <cstdio>
#include <utility>

namespace {

// Opens a child without asking the filesystem it is on for anything. Most children are on their
// parent's mount; for the others it must be known that they are not on ours.
Fd OpenChild(int parent, const char* name, dev_t own_device) {
  open_how how{};
  how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_NO_XDEV;
  Fd child(static_cast<int>(syscall(SYS_openat2, parent, name, &how, sizeof(how))));
  if (child.IsOpen() || (errno != EXDEV && errno != ENOSYS)) {
    return child;
  }
  child = Fd(openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!child.IsOpen()) {
    return child;
  }
  // Neither mask nor flags ask for anything that the kernel does not know by itself.
  struct statx found {};
  if (statx(child.Get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &found) != 0) {
    return Fd();
  }
  if (makedev(found.stx_dev_major, found.stx_dev_minor) == own_device) {
    errno = ELOOP;
    return Fd();
  }
  return child;
}

}  // namespace

int Filesystem::LookUp(fuse_ino_t parent, const char* name, fuse_entry_param* entry) {
  Fd child = OpenChild(PathFd(parent), name, own_device);
  return child.IsOpen() ? Adopt(std::move(child), entry) : errno;
}

int Filesystem::Adopt(Fd path, fuse_entry_param* entry) {
  *entry = {};
  if (fstat(path.Get(), &entry->attr) != 0) {
    return errno;
  }
  entry->attr_timeout = options.Timeout();
  entry->entry_timeout = options.Timeout();
  const FileKey key{entry->attr.st_dev, entry->attr.st_ino};
  entry->ino = reinterpret_cast<fuse_ino_t>(inodes.Remember(std::move(path), key));
  return 0;
}

void Filesystem::Unlook(const fuse_entry_param& entry) {
  if (entry.ino != 0) {
    inodes.Forget(&InodeOf(entry.ino), 1);
  }
}

Fd Filesystem::Reopen(fuse_ino_t ino, int flags) {
  // The path ends in a link that leads to the file itself: nothing is left to be created, and a
  // refusal to follow links would refuse this one.
  flags &= ~(O_CREAT | O_EXCL | O_NOFOLLOW);
  return Fd(open(FdPath(PathFd(ino)).c_str(), flags | O_CLOEXEC));
}

int Filesystem::BackingFlags(int flags) const {
  // Direct I/O wants aligned memory, and requests arrive wherever the library put them. The
  // kernel has seen the flag and keeps its own cache out of the way.
  flags &= ~O_DIRECT;
  if (options.writeback) {
    // The kernel reads pages that are written in part, and knows better where the end is.
    if ((flags & O_ACCMODE) == O_WRONLY) {
      flags = (flags & ~O_ACCMODE) | O_RDWR;
    }
    flags &= ~O_APPEND;
  }
  return flags;
}

void Filesystem::SetCaching(fuse_file_info* file) const {
  file->direct_io = options.direct_io || options.cache == Options::kNever;
  file->keep_cache = options.cache == Options::kAlways;
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 15)
  // Whoever writes at the same time to one file behind gets the order that file gives them.
  file->parallel_direct_writes = file->direct_io;
#endif
}

FdPath::FdPath(int fd) {
  snprintf(text_.data(), text_.size(), "/proc/self/fd/%d", fd);
}

ActingAsCaller::ActingAsCaller(fuse_req_t req)
    : switched_(geteuid() == 0 && (fuse_req_ctx(req)->uid != 0 || fuse_req_ctx(req)->gid != 0)) {
  if (switched_) {
    // Per thread, unlike setresuid(2), and main() saw to it that no capability is lost.
    setfsgid(fuse_req_ctx(req)->gid);
    setfsuid(fuse_req_ctx(req)->uid);
  }
}

ActingAsCaller::~ActingAsCaller() {
  if (switched_) {
    setfsuid(0);
    setfsgid(getegid());
  }
}

void ReplyEntry(fuse_req_t req, int error, const fuse_entry_param& entry) {
  Filesystem& fs = Filesystem::Of(req);
  if (error != 0) {
    fuse_reply_err(req, error);
  } else if (fuse_reply_entry(req, &entry) != 0) {
    fs.Unlook(entry);
  }
}

// Lets the kernel do the open file's I/O by itself, if it will.
static void Back(fuse_req_t req, const Inode& inode, int descriptor,
                 [[maybe_unused]] fuse_file_info* file) {
  [[maybe_unused]] const int id = Filesystem::Of(req).backing_files.Join(req, &inode, descriptor);
#ifdef FUSE_CAP_PASSTHROUGH
  file->backing_id = id;
  // There is no page cache to keep; the kernel refuses the two together.
  file->keep_cache = file->keep_cache && id == 0;
#endif
}

void ReplyOpened(fuse_req_t req, fuse_ino_t ino, Fd opened, fuse_file_info* file,
                 const fuse_entry_param* entry) {
  Filesystem& fs = Filesystem::Of(req);
  Inode& inode = fs.InodeOf(ino);
  if (fs.options.posix_lock) {
    fs.posix_locks.Opened(&inode);
  }
  fs.SetCaching(file);
  if (fs.options.backing) {
    Back(req, inode, opened.Get(), file);
  }
  file->fh = static_cast<uint64_t>(opened.Get());
  const int sent =
      entry != nullptr ? fuse_reply_create(req, entry, file) : fuse_reply_open(req, file);
  if (sent == 0) {
    opened.Release();  // perhaps closed by now: its release may have come in between
    return;
  }
  if (fs.options.backing) {
    fs.backing_files.Leave(req, &inode);
  }
  if (fs.options.posix_lock) {
    fs.posix_locks.Closed(&inode);
  }
  if (entry != nullptr) {
    fs.Unlook(*entry);
  }
}
