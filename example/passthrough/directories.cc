// Reading directories, with or without the attributes of what is in them.

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "filesystem.h"

namespace {

// An open directory: entries come in batches, and one that did not fit into a reply stays for the
// next. Offsets are those of the directory behind; only it knows what they mean.
class Directory {
 public:
  explicit Directory(Fd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.Get(); }
  // The kernel reads one open directory by one thread at a time, but nobody promises it.
  std::mutex& mutex() { return mutex_; }

  // Returns an errno.
  int Seek(off_t offset) {
    if (offset == offset_) {
      return 0;
    }
    next_ = end_ = 0;
    offset_ = lseek(fd_.Get(), offset, SEEK_SET);
    return ErrorOf(offset_);
  }

  // The entry at the current offset; nullptr at the end or, with errno not 0, on an error.
  const dirent64* Current() {
    if (next_ == end_) {
      errno = 0;
      const ssize_t size = getdents64(fd_.Get(), buffer_, sizeof(buffer_));
      if (size <= 0) {
        return nullptr;
      }
      next_ = 0;
      end_ = static_cast<size_t>(size);
    }
    return reinterpret_cast<const dirent64*>(buffer_ + next_);
  }

  void Advance() {
    const dirent64* passed = Current();
    offset_ = passed->d_off;
    next_ += passed->d_reclen;
  }

 private:
  const Fd fd_;
  std::mutex mutex_;
  off_t offset_ = 0;
  size_t next_ = 0;
  size_t end_ = 0;
  alignas(dirent64) char buffer_[16384];
};

Directory& DirectoryOf(const fuse_file_info* file) {
  return *reinterpret_cast<Directory*>(file->fh);
}

// A reply in the making.
struct Listing {
  explicit Listing(size_t size) : bytes(size) {}
  char* End() { return bytes.data() + used; }
  size_t Room() const { return bytes.size() - used; }

  std::vector<char> bytes;
  size_t used = 0;
  std::vector<fuse_entry_param> looked_up;
};

struct stat Outline(const dirent64& from) {
  struct stat outline {};
  outline.st_ino = from.d_ino;
  outline.st_mode = static_cast<mode_t>(from.d_type) << 12;
  return outline;
}

// The Add functions return whether the entry fitted.

bool AddName(fuse_req_t req, const dirent64& from, Listing& to) {
  const struct stat outline = Outline(from);
  const size_t need =
      fuse_add_direntry(req, to.End(), to.Room(), from.d_name, &outline, from.d_off);
  if (need > to.Room()) {
    return false;
  }
  to.used += need;
  return true;
}

// Every entry with an inode counts as a lookup, so look up only what will fit. "." and ".." are
// never to be counted, and a file gone meanwhile is listed by its name alone.
bool AddNameAndAttributes(fuse_req_t req, fuse_ino_t parent, const dirent64& from, Listing& to) {
  const size_t need = fuse_add_direntry_plus(req, nullptr, 0, from.d_name, nullptr, 0);
  if (need > to.Room()) {
    return false;
  }
  const std::string_view name = from.d_name;
  fuse_entry_param entry{};
  if (name == "." || name == ".." || Filesystem::Of(req).LookUp(parent, from.d_name, &entry) != 0) {
    entry = {};
    entry.attr = Outline(from);
  } else {
    to.looked_up.push_back(entry);
  }
  fuse_add_direntry_plus(req, to.End(), to.Room(), from.d_name, &entry, from.d_off);
  to.used += need;
  return true;
}

template <typename Add>
void ReplyListing(fuse_req_t req, size_t size, off_t offset, fuse_file_info* file, Add add) {
  Directory& directory = DirectoryOf(file);
  Listing listing(size);
  int error = 0;
  {
    std::lock_guard lock(directory.mutex());
    error = directory.Seek(offset);
    while (error == 0) {
      const dirent64* entry = directory.Current();
      if (entry == nullptr) {
        error = errno;
        break;
      }
      if (!add(*entry, listing)) {
        break;
      }
      directory.Advance();
    }
  }
  // Entries read before an error are not lost; the error comes again when the rest is asked for.
  if (error != 0 && listing.used == 0) {
    fuse_reply_err(req, error);
  } else if (fuse_reply_buf(req, listing.bytes.data(), listing.used) != 0) {
    for (const fuse_entry_param& entry : listing.looked_up) {
      Filesystem::Of(req).Unlook(entry);
    }
  }
}

void ReadDir(fuse_req_t req, fuse_ino_t, size_t size, off_t offset, fuse_file_info* file) {
  ReplyListing(req, size, offset, file,
               [req](const dirent64& from, Listing& to) { return AddName(req, from, to); });
}

void ReadDirPlus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, fuse_file_info* file) {
  ReplyListing(req, size, offset, file, [req, ino](const dirent64& from, Listing& to) {
    return AddNameAndAttributes(req, ino, from, to);
  });
}

void OpenDir(fuse_req_t req, fuse_ino_t ino, fuse_file_info* file) {
  Filesystem& fs = Filesystem::Of(req);
  Fd opened = fs.Reopen(ino, O_RDONLY | O_DIRECTORY);
  if (!opened.IsOpen()) {
    fuse_reply_err(req, errno);
    return;
  }
  auto directory = std::make_unique<Directory>(std::move(opened));
  file->fh = reinterpret_cast<uint64_t>(directory.get());
  file->cache_readdir = file->keep_cache = fs.options.cache == Options::kAlways;
  if (fuse_reply_open(req, file) == 0) {
    static_cast<void>(directory.release());  // the kernel's now, until ReleaseDir
  }
}

void ReleaseDir(fuse_req_t req, fuse_ino_t, fuse_file_info* file) {
  delete &DirectoryOf(file);
  fuse_reply_err(req, 0);
}

void FsyncDir(fuse_req_t req, fuse_ino_t, int data_only, fuse_file_info* file) {
  const int fd = DirectoryOf(file).fd();
  fuse_reply_err(req, ErrorOf(data_only ? fdatasync(fd) : fsync(fd)));
}

}  // namespace

void AddDirectoryOperations(fuse_lowlevel_ops* ops) {
  ops->opendir = OpenDir;
  ops->readdir = ReadDir;
  ops->readdirplus = ReadDirPlus;
  ops->releasedir = ReleaseDir;
  ops->fsyncdir = FsyncDir;
}
