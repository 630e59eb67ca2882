// Open files. The handle that the kernel carries about is a descriptor of the file behind.

#include <fcntl.h>
#include <unistd.h>

#include "filesystem.h"

namespace {

void Open(fuse_req_t req, fuse_ino_t ino, fuse_file_info* file) {
  Filesystem& fs = Filesystem::Of(req);
  Fd opened = fs.Reopen(ino, fs.BackingFlags(file->flags));
  if (!opened.IsOpen()) {
    fuse_reply_err(req, errno);
    return;
  }
  ReplyOpened(req, ino, std::move(opened), file);
}

// Answers with a file that was just made and opened, or with the error that making it met. The
// entry is of the file that is open, whatever its name has come to mean since.
void ReplyMade(fuse_req_t req, int error, Fd made, fuse_file_info* file) {
  Filesystem& fs = Filesystem::Of(req);
  fuse_entry_param entry{};
  if (error == 0) {
    Fd path(open(FdPath(made.Get()).c_str(), O_PATH | O_CLOEXEC));
    error = path.IsOpen() ? fs.Adopt(std::move(path), &entry) : errno;
  }
  if (error != 0) {
    fuse_reply_err(req, error);
  } else {
    ReplyOpened(req, entry.ino, std::move(made), file, &entry);
  }
}

// The kernel creates where it knows no name: a link that appeared there meanwhile is not followed.
void Create(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode,
            fuse_file_info* file) {
  Filesystem& fs = Filesystem::Of(req);
  const int flags = fs.BackingFlags(file->flags) | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
  Fd made;
  int error;
  {
    const ActingAsCaller caller(req);
    made = Fd(openat(fs.PathFd(parent), name, flags, mode));
    error = ErrorOf(made.Get());
  }
  ReplyMade(req, error, std::move(made), file);
}

#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 18)
void TmpFile(fuse_req_t req, fuse_ino_t parent, mode_t mode, fuse_file_info* file) {
  Filesystem& fs = Filesystem::Of(req);
  const int flags = (fs.BackingFlags(file->flags) & ~O_CREAT) | O_TMPFILE | O_CLOEXEC;
  const FdPath directory(fs.PathFd(parent));
  Fd made;
  int error;
  {
    const ActingAsCaller caller(req);
    made = Fd(open(directory.c_str(), flags, mode));
    error = ErrorOf(made.Get());
  }
  ReplyMade(req, error, std::move(made), file);
}
#endif

// A vector of one: size bytes of the descriptor's file from offset on.
fuse_bufvec FileRange(const fuse_file_info* file, size_t size, off_t offset) {
  fuse_bufvec range{};
  range.count = 1;
  range.buf[0].size = size;
  range.buf[0].flags = static_cast<fuse_buf_flags>(FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK);
  range.buf[0].fd = HandleOf(file);
  range.buf[0].pos = offset;
  return range;
}

fuse_buf_copy_flags CopyFlags(const Filesystem& fs) {
  return fs.options.splice ? fuse_buf_copy_flags{} : FUSE_BUF_NO_SPLICE;
}

void Read(fuse_req_t req, fuse_ino_t, size_t size, off_t offset, fuse_file_info* file) {
  fuse_bufvec source = FileRange(file, size, offset);
  fuse_reply_data(req, &source, CopyFlags(Filesystem::Of(req)));
}

void WriteBuf(fuse_req_t req, fuse_ino_t, fuse_bufvec* source, off_t offset, fuse_file_info* file) {
  fuse_bufvec target = FileRange(file, fuse_buf_size(source), offset);
  const ssize_t written = fuse_buf_copy(&target, source, CopyFlags(Filesystem::Of(req)));
  if (written < 0) {
    fuse_reply_err(req, static_cast<int>(-written));
  } else {
    fuse_reply_write(req, static_cast<size_t>(written));
  }
}

// An application closed one of its descriptors. Some filesystems tell of late errors only on a
// close, so close one here too, while the file itself stays open.
void Flush(fuse_req_t req, fuse_ino_t ino, fuse_file_info* file) {
  Filesystem& fs = Filesystem::Of(req);
  if (fs.options.posix_lock) {
    fs.posix_locks.Drop({&fs.InodeOf(ino), file->lock_owner});
  }
  const int copy = fcntl(HandleOf(file), F_DUPFD_CLOEXEC, 0);
  fuse_reply_err(req, copy < 0 ? errno : ErrorOf(close(copy)));
}

void Release(fuse_req_t req, fuse_ino_t ino, fuse_file_info* file) {
  Filesystem& fs = Filesystem::Of(req);
  if (fs.options.backing) {
    fs.backing_files.Leave(req, &fs.InodeOf(ino));
  }
  if (fs.options.posix_lock) {
    fs.posix_locks.Closed(&fs.InodeOf(ino));
  }
  fuse_reply_err(req, ErrorOf(close(HandleOf(file))));
}

void Fsync(fuse_req_t req, fuse_ino_t, int data_only, fuse_file_info* file) {
  fuse_reply_err(req, ErrorOf(data_only ? fdatasync(HandleOf(file)) : fsync(HandleOf(file))));
}

void Fallocate(fuse_req_t req, fuse_ino_t, int mode, off_t offset, off_t length,
               fuse_file_info* file) {
  fuse_reply_err(req, ErrorOf(fallocate(HandleOf(file), mode, offset, length)));
}

void CopyFileRange(fuse_req_t req, fuse_ino_t, off_t from, fuse_file_info* source, fuse_ino_t,
                   off_t to, fuse_file_info* target, size_t length, int flags) {
  const ssize_t copied = copy_file_range(HandleOf(source), &from, HandleOf(target), &to, length,
                                         static_cast<unsigned>(flags));
  if (copied < 0) {
    fuse_reply_err(req, errno);
  } else {
    fuse_reply_write(req, static_cast<size_t>(copied));
  }
}

// Only data and holes are sought here; the kernel does the other seeks by itself. The
// descriptor's own position is used for nothing else.
void Lseek(fuse_req_t req, fuse_ino_t, off_t offset, int whence, fuse_file_info* file) {
  const off_t found = lseek(HandleOf(file), offset, whence);
  if (found < 0) {
    fuse_reply_err(req, errno);
  } else {
    fuse_reply_lseek(req, found);
  }
}

}  // namespace

void AddFileOperations(fuse_lowlevel_ops* ops) {
  ops->open = Open;
  ops->create = Create;
  ops->read = Read;
  ops->write_buf = WriteBuf;
  ops->flush = Flush;
  ops->release = Release;
  ops->fsync = Fsync;
  ops->fallocate = Fallocate;
  ops->copy_file_range = CopyFileRange;
  ops->lseek = Lseek;
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 18)
  ops->tmpfile = TmpFile;
#endif
}
