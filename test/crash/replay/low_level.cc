// The filesystem of the disk, by the low-level interface. Numbers of inodes and open files are
// different in each server, so that using those of a dead one is noticed.
#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "session/session.h"
#include "world.h"

namespace fuse3::reconnect {
namespace {

class LowLevel final : public Filesystem {
 public:
  LowLevel(World& world, uint64_t generation);
  fuse_session* session() override { return session_; }
  std::string left() const override {
    for (const auto& [ino, known] : inodes_) {
      if (known.lookups != 0) return "the filesystem counts lookups of " + std::to_string(ino);
    }
    return opened_.empty() ? "" : "the filesystem has files open";
  }

  FilePtr file(fuse_ino_t ino) {
    if (ino == FUSE_ROOT_ID) return world.disk.root;
    const auto found = inodes_.find(ino);
    if (found != inodes_.end() && found->second.lookups > 0) return found->second.file;
    world.complain("an inode is used that this server does not know");
    return std::make_shared<File>();
  }
  FilePtr opened(const fuse_file_info* info) {
    const auto found = opened_.find(info->fh);
    if (found != opened_.end()) return found->second;
    world.complain("a file is used that this server has not open");
    return std::make_shared<File>();
  }
  fuse_entry_param entry(const FilePtr& file) {
    fuse_entry_param out{};
    out.ino = file == world.disk.root ? FUSE_ROOT_ID : base_ + file->number;
    out.attr = file->attributes();
    Known& known = inodes_[out.ino];
    known.file = file;
    ++known.lookups;
    return out;
  }
  void forget(fuse_ino_t ino, uint64_t count) {
    const auto found = inodes_.find(ino);
    if (found == inodes_.end() || found->second.lookups < count) {
      return world.complain("more lookups are forgotten than there were");
    }
    found->second.lookups -= count;
    if (found->second.lookups == 0) inodes_.erase(found);
  }
  void open(const FilePtr& file, fuse_file_info* info) {
    info->fh = base_ + ++last_open_;
    if (file->xattrs.contains("one-way")) info->nonseekable = 1;
    opened_[info->fh] = file;
  }
  void release(const fuse_file_info* info) {
    if (opened_.erase(info->fh) == 0) world.complain("a file is closed that was not open");
  }
  // The first server answers such a request late.
  bool keep(fuse_req_t req) {
    if (base_ >> 32 > 1) return false;
    kept_ = req;
    return true;
  }
  fuse_req_t kept() { return std::exchange(kept_, nullptr); }
  // One that waits until it is interrupted.
  fuse_req_t waiting = nullptr;
  bool interrupted = false;
  fuse_pollhandle* bell = nullptr;
  uint64_t generation() const { return base_ >> 32; }

  Locks locks;
  // Of some files somebody below the mount takes the lock as soon as the first server is gone.
  int lock(const File& file, uint64_t owner, short type) {
    if (generation() > 1 && type != F_UNLCK && file.xattrs.contains("taken")) return EAGAIN;
    return locks.set(file, owner, type);
  }
  // Each server registers a file once, and gives it back when it has closed it.
  int backing() const { return static_cast<int>(10 + generation()); }
  bool has_open(const FilePtr& file) const {
    return std::any_of(opened_.begin(), opened_.end(),
                       [&](const auto& open) { return open.second == file; });
  }

  World& world;

 private:
  fuse_req_t kept_ = nullptr;
  struct Known {
    FilePtr file;
    uint64_t lookups = 0;
  };
  const uint64_t base_;
  uint64_t last_open_ = 0;
  std::map<fuse_ino_t, Known> inodes_;
  std::map<uint64_t, FilePtr> opened_;
  fuse_session* session_ = nullptr;
};

LowLevel& fs_of(fuse_req_t req) {
  return *static_cast<LowLevel*>(fuse_req_userdata(req));
}

// Where an operation that changes something may die: before it has, and after.
LowLevel& begin(fuse_req_t req, const char* name) {
  LowLevel& fs = fs_of(req);
  fs.world.reached(name);
  return fs;
}

void end(fuse_req_t req, int error) {
  fs_of(req).world.reached("after the change");
  fuse_reply_err(req, error);
}

void end_entry(fuse_req_t req, int error, const FilePtr& file) {
  LowLevel& fs = fs_of(req);
  fs.world.reached("after the change");
  if (error != 0) return void(fuse_reply_err(req, error));
  const fuse_entry_param entry = fs.entry(file);
  fuse_reply_entry(req, &entry);
}

void lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  LowLevel& fs = begin(req, "LOOKUP");
  const FilePtr file = fs.world.disk.find(*fs.file(parent), name);
  if (!file) return void(fuse_reply_err(req, ENOENT));
  const fuse_entry_param entry = fs.entry(file);
  fuse_reply_entry(req, &entry);
}

void forget(fuse_req_t req, fuse_ino_t ino, uint64_t count) {
  begin(req, "FORGET").forget(ino, count);
  fuse_reply_none(req);
}

void getattr(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
  LowLevel& fs = begin(req, "GETATTR");
  const FilePtr file = info != nullptr ? fs.opened(info) : fs.file(ino);
  if (file->xattrs.contains("deadly")) fs.world.crash();
  if (file->xattrs.contains("late") && fs.keep(req)) return;
  if (file->xattrs.contains("waits")) {
    if (fuse_req_interrupted(req) != 0) return void(fuse_reply_err(req, EINTR));
    if (file->xattrs.contains("once") && fs.generation() > 1) {
      const struct stat attr = file->attributes();
      return void(fuse_reply_attr(req, &attr, 0));
    }
    fs.waiting = req;
    const auto note = [](fuse_req_t, void* data) {
      static_cast<LowLevel*>(data)->interrupted = true;
    };
    return fuse_req_interrupt_func(req, note, &fs);
  }
  const struct stat attr = file->attributes();
  fuse_reply_attr(req, &attr, 0);
}

void setattr(fuse_req_t req, fuse_ino_t ino, struct stat* attr, int valid, fuse_file_info*) {
  LowLevel& fs = begin(req, "SETATTR");
  File& file = *fs.file(ino);
  if ((valid & FUSE_SET_ATTR_MODE) != 0) file.mode = (file.mode & S_IFMT) | (attr->st_mode & 07777);
  if ((valid & FUSE_SET_ATTR_UID) != 0) file.uid = attr->st_uid;
  if ((valid & FUSE_SET_ATTR_GID) != 0) file.gid = attr->st_gid;
  if ((valid & FUSE_SET_ATTR_SIZE) != 0) file.data.resize(static_cast<size_t>(attr->st_size));
  fs.world.reached("after the change");
  const struct stat now = file.attributes();
  fuse_reply_attr(req, &now, 0);
}

void readlink(fuse_req_t req, fuse_ino_t ino) {
  fuse_reply_readlink(req, begin(req, "READLINK").file(ino)->data.c_str());
}

void mknod(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode, dev_t rdev) {
  LowLevel& fs = begin(req, "MKNOD");
  FilePtr made;
  const int error = fs.world.disk.make(*fs.file(parent), name, mode, rdev, "", &made);
  end_entry(req, error, made);
}

void mkdir(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode) {
  LowLevel& fs = begin(req, "MKDIR");
  FilePtr made;
  const int error =
      fs.world.disk.make(*fs.file(parent), name, S_IFDIR | (mode & 07777), 0, "", &made);
  end_entry(req, error, made);
}

void symlink(fuse_req_t req, const char* target, fuse_ino_t parent, const char* name) {
  LowLevel& fs = begin(req, "SYMLINK");
  FilePtr made;
  const int error = fs.world.disk.make(*fs.file(parent), name, S_IFLNK | 0777, 0, target, &made);
  end_entry(req, error, made);
}

void link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char* name) {
  LowLevel& fs = begin(req, "LINK");
  const FilePtr file = fs.file(ino);
  end_entry(req, fs.world.disk.link(file, *fs.file(parent), name), file);
}

void unlink(fuse_req_t req, fuse_ino_t parent, const char* name) {
  LowLevel& fs = begin(req, "UNLINK");
  end(req, fs.world.disk.remove(*fs.file(parent), name, false));
}

void rmdir(fuse_req_t req, fuse_ino_t parent, const char* name) {
  LowLevel& fs = begin(req, "RMDIR");
  end(req, fs.world.disk.remove(*fs.file(parent), name, true));
}

void rename(fuse_req_t req, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
            const char* new_name, unsigned flags) {
  LowLevel& fs = begin(req, "RENAME");
  end(req, fs.world.disk.rename(*fs.file(parent), name, *fs.file(new_parent), new_name, flags));
  if (fuse_req_t kept = fs.kept()) {
    const struct stat attr = fs.world.disk.find(*fs.file(new_parent), new_name)->attributes();
    fuse_reply_attr(kept, &attr, 0);
  }
}

void open_any(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
  LowLevel& fs = begin(req, "OPEN");
  const FilePtr file = fs.file(ino);
  if (const int error = Disk::may_open(*file, info->flags)) return end(req, error);
  if ((info->flags & O_TRUNC) != 0) file->data.clear();
  fs.world.reached("after the change");
  fs.open(file, info);
  if (file->xattrs.contains("backing")) {
    info->backing_id = fs.backing();
    fs.world.backings.insert(info->backing_id);
    req->session->seam->backing_opened(static_cast<uint32_t>(info->backing_id));
  }
  fuse_reply_open(req, info);
}

void release_any(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
  LowLevel& fs = begin(req, "RELEASE");
  const FilePtr file = fs.opened(info);
  fs.release(info);
  if (file->xattrs.contains("backing") && !fs.has_open(file)) fs.world.backings.erase(fs.backing());
  if (info->flock_release != 0) (void)fs.lock(*fs.file(ino), info->lock_owner, F_UNLCK);
  end(req, 0);
}

void create_in(fuse_req_t req, const FilePtr& file, int error, fuse_file_info* info) {
  LowLevel& fs = fs_of(req);
  fs.world.reached("after the change");
  if (error != 0) return void(fuse_reply_err(req, error));
  const fuse_entry_param entry = fs.entry(file);
  fs.open(file, info);
  fuse_reply_create(req, &entry, info);
}

void create(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode,
            fuse_file_info* info) {
  LowLevel& fs = begin(req, "CREATE");
  const FilePtr directory = fs.file(parent);
  FilePtr file = fs.world.disk.find(*directory, name);
  int error = 0;
  if (!file) {
    error = fs.world.disk.make(*directory, name, S_IFREG | (mode & 07777), 0, "", &file);
  } else if ((info->flags & O_EXCL) != 0) {
    error = EEXIST;
  } else {
    error = Disk::may_open(*file, info->flags);
  }
  create_in(req, file, error, info);
}

void tmpfile(fuse_req_t req, fuse_ino_t, mode_t mode, fuse_file_info* info) {
  LowLevel& fs = begin(req, "TMPFILE");
  create_in(req, fs.world.disk.make_unnamed(S_IFREG | (mode & 07777)), 0, info);
}

void read(fuse_req_t req, fuse_ino_t, size_t size, off_t offset, fuse_file_info* info) {
  LowLevel& fs = begin(req, "READ");
  File& file = *fs.opened(info);
  if (file.xattrs.contains("one-way")) {  // what was read is gone
    const std::string part = file.data.substr(0, size);
    file.data.erase(0, part.size());
    fs.world.reached("after the change");
    return void(fuse_reply_buf(req, part.data(), part.size()));
  }
  const size_t start = std::min(static_cast<size_t>(offset), file.data.size());
  const std::string part = file.data.substr(start, size);
  fuse_reply_buf(req, part.data(), part.size());
}

void write(fuse_req_t req, fuse_ino_t, const char* bytes, size_t size, off_t offset,
           fuse_file_info* info) {
  LowLevel& fs = begin(req, "WRITE");
  File& file = *fs.opened(info);
  const bool append = (info->flags & O_APPEND) != 0;
  const uint64_t at = append ? file.data.size() : static_cast<uint64_t>(offset);
  // Half of it, so that a server can die in the middle.
  const std::string text(bytes, size);
  fs.world.disk.write(file, at, text.substr(0, size / 2));
  fs.world.reached("in the middle of a write");
  fs.world.disk.write(file, at + size / 2, text.substr(size / 2));
  if (fuse_pollhandle* bell = std::exchange(fs.bell, nullptr)) {
    fuse_lowlevel_notify_poll(bell);
    fuse_pollhandle_destroy(bell);
  }
  fs.world.reached("after the change");
  fuse_reply_write(req, size);
}

void flush(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
  LowLevel& fs = begin(req, "FLUSH");
  (void)fs.lock(*fs.file(ino), info->lock_owner, F_UNLCK);
  end(req, 0);
}

void synced(fuse_req_t req, fuse_ino_t, int, fuse_file_info*) {
  begin(req, "FSYNC");
  end(req, 0);
}

using Add = size_t (*)(fuse_req_t, char*, size_t, const char*, LowLevel&, const FilePtr&, off_t);

void list(fuse_req_t req, size_t size, off_t offset, fuse_file_info* info, Add add) {
  LowLevel& fs = begin(req, "READDIR");
  std::string buffer(size, '\0');
  size_t used = 0;
  off_t at = 0;
  const FilePtr directory = fs.opened(info);
  std::vector<std::pair<std::string, FilePtr>> entries(directory->names.begin(),
                                                       directory->names.end());
  // In another order with the next server.
  if (directory->xattrs.contains("shuffled") && fs.generation() % 2 == 0) {
    std::reverse(entries.begin(), entries.end());
  }
  for (const auto& [name, file] : entries) {
    if (++at <= offset) continue;
    const size_t length = add(req, buffer.data() + used, size - used, name.c_str(), fs, file, at);
    if (length > size - used) break;
    used += length;
  }
  fuse_reply_buf(req, buffer.data(), used);
}

void readdir(fuse_req_t req, fuse_ino_t, size_t size, off_t offset, fuse_file_info* info) {
  list(req, size, offset, info,
       [](fuse_req_t request, char* room, size_t left, const char* name, LowLevel&,
          const FilePtr& file, off_t next) {
         const struct stat attr = file->attributes();
         return fuse_add_direntry(request, room, left, name, &attr, next);
       });
}

void readdirplus(fuse_req_t req, fuse_ino_t, size_t size, off_t offset, fuse_file_info* info) {
  list(req, size, offset, info,
       [](fuse_req_t request, char* room, size_t left, const char* name, LowLevel& fs,
          const FilePtr& file, off_t next) {
         fuse_entry_param entry = fs.entry(file);
         const size_t length = fuse_add_direntry_plus(request, room, left, name, &entry, next);
         if (length > left) fs.forget(entry.ino, 1);
         return length;
       });
}

void statfs(fuse_req_t req, fuse_ino_t) {
  LowLevel& fs = begin(req, "STATFS");
  if (fs.waiting != nullptr && fs.interrupted) {
    fuse_reply_err(std::exchange(fs.waiting, nullptr), EINTR);
  }
  struct statvfs out {};
  out.f_namemax = 77;
  fuse_reply_statfs(req, &out);
}

void setxattr(fuse_req_t req, fuse_ino_t ino, const char* name, const char* value, size_t size,
              int flags) {
  LowLevel& fs = begin(req, "SETXATTR");
  end(req, fs.world.disk.set_xattr(*fs.file(ino), name, std::string(value, size), flags));
}

void reply_bytes(fuse_req_t req, const std::string& bytes, size_t size) {
  if (size == 0) return void(fuse_reply_xattr(req, bytes.size()));
  if (bytes.size() > size) return void(fuse_reply_err(req, ERANGE));
  fuse_reply_buf(req, bytes.data(), bytes.size());
}

void getxattr(fuse_req_t req, fuse_ino_t ino, const char* name, size_t size) {
  const auto& xattrs = begin(req, "GETXATTR").file(ino)->xattrs;
  const auto found = xattrs.find(name);
  if (found == xattrs.end()) return void(fuse_reply_err(req, ENODATA));
  reply_bytes(req, found->second, size);
}

void listxattr(fuse_req_t req, fuse_ino_t ino, size_t size) {
  std::string names;
  for (const auto& [name, value] : begin(req, "LISTXATTR").file(ino)->xattrs) {
    names += name + '\0';
  }
  reply_bytes(req, names, size);
}

void removexattr(fuse_req_t req, fuse_ino_t ino, const char* name) {
  LowLevel& fs = begin(req, "REMOVEXATTR");
  end(req, fs.world.disk.remove_xattr(*fs.file(ino), name));
}

void access(fuse_req_t req, fuse_ino_t ino, int mask) {
  const FilePtr file = begin(req, "ACCESS").file(ino);
  fuse_reply_err(req, (mask & 2) != 0 && (file->mode & 0200) == 0 ? EACCES : 0);
}

void getlk(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info, struct flock* lock) {
  LowLevel& fs = begin(req, "GETLK");
  const uint64_t other = fs.locks.who_excludes(*fs.file(ino), info->lock_owner, lock->l_type);
  lock->l_type = other == 0 ? F_UNLCK : F_WRLCK;
  lock->l_pid = static_cast<pid_t>(other);
  fuse_reply_lock(req, lock);
}

// The first server answers an unlocking late, when the next one asks for what is free now.
void end_lock(fuse_req_t req, LowLevel& fs, const FilePtr& file, uint64_t owner, short type) {
  const int error = fs.lock(*file, owner, type);
  if (type == F_UNLCK && file->xattrs.contains("late") && fs.keep(req)) return;
  end(req, error);
  if (fuse_req_t kept = fs.kept()) end(kept, 0);
}

void setlk(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info, struct flock* lock, int) {
  LowLevel& fs = begin(req, "SETLK");
  end_lock(req, fs, fs.file(ino), info->lock_owner, lock->l_type);
}

void flock(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info, int operation) {
  LowLevel& fs = begin(req, "FLOCK");
  const int how = operation & ~LOCK_NB;
  const short type = how == LOCK_UN ? F_UNLCK : how == LOCK_SH ? F_RDLCK : F_WRLCK;
  end_lock(req, fs, fs.file(ino), info->lock_owner, type);
}

void bmap(fuse_req_t req, fuse_ino_t, size_t, uint64_t block) {
  begin(req, "BMAP");
  fuse_reply_bmap(req, block + 100);
}

// Counts how often it was done.
void ioctl(fuse_req_t req, fuse_ino_t, unsigned command, void*, fuse_file_info*, unsigned,
           const void*, size_t, size_t out_size) {
  LowLevel& fs = begin(req, "IOCTL");
  if (_IOC_DIR(command) != _IOC_READ) ++fs.world.disk.done["ioctl"];
  fs.world.reached("after the change");
  const std::string out(out_size, 'o');
  fuse_reply_ioctl(req, 0, out.data(), out.size());
}

void poll(fuse_req_t req, fuse_ino_t, fuse_file_info*, fuse_pollhandle* handle) {
  LowLevel& fs = begin(req, "POLL");
  if (handle != nullptr) fuse_pollhandle_destroy(std::exchange(fs.bell, handle));
  fuse_reply_poll(req, 5);
}

void fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
               fuse_file_info*) {
  LowLevel& fs = begin(req, "FALLOCATE");
  end(req, fs.world.disk.fallocate(*fs.file(ino), mode, static_cast<uint64_t>(offset),
                                   static_cast<uint64_t>(length)));
}

void copy_file_range(fuse_req_t req, fuse_ino_t, off_t from, fuse_file_info* in, fuse_ino_t,
                     off_t to, fuse_file_info* out, size_t size, int) {
  LowLevel& fs = begin(req, "COPY_FILE_RANGE");
  const std::string part = fs.opened(in)->data.substr(static_cast<size_t>(from), size);
  fs.world.disk.write(*fs.opened(out), static_cast<uint64_t>(to), part);
  fs.world.reached("after the change");
  fuse_reply_write(req, part.size());
}

void lseek(fuse_req_t req, fuse_ino_t, off_t offset, int, fuse_file_info*) {
  begin(req, "LSEEK");
  fuse_reply_lseek(req, offset + 1);
}

void statx(fuse_req_t req, fuse_ino_t ino, int, int, fuse_file_info*) {
  const struct stat attr = begin(req, "STATX").file(ino)->attributes();
  struct statx out {};
  out.stx_mask = STATX_BASIC_STATS;
  out.stx_mode = static_cast<uint16_t>(attr.st_mode);
  out.stx_size = static_cast<uint64_t>(attr.st_size);
  out.stx_ino = attr.st_ino;
  fuse_reply_statx(req, 0, &out, 0);
}

void syncfs(fuse_req_t req, fuse_ino_t) {
  begin(req, "SYNCFS");
  end(req, 0);
}

fuse_lowlevel_ops operations() {
  fuse_lowlevel_ops ops{};
  ops.lookup = lookup, ops.forget = forget, ops.getattr = getattr, ops.setattr = setattr;
  ops.readlink = readlink, ops.mknod = mknod, ops.mkdir = mkdir, ops.symlink = symlink;
  ops.link = link, ops.unlink = unlink, ops.rmdir = rmdir, ops.rename = rename;
  ops.open = open_any, ops.opendir = open_any, ops.release = release_any;
  ops.releasedir = release_any, ops.create = create, ops.tmpfile = tmpfile, ops.read = read;
  ops.write = write, ops.flush = flush, ops.fsync = synced, ops.fsyncdir = synced;
  ops.readdir = readdir, ops.readdirplus = readdirplus, ops.statfs = statfs;
  ops.setxattr = setxattr, ops.getxattr = getxattr, ops.listxattr = listxattr;
  ops.removexattr = removexattr, ops.access = access, ops.getlk = getlk, ops.setlk = setlk;
  ops.flock = flock, ops.bmap = bmap, ops.ioctl = ioctl, ops.poll = poll;
  ops.fallocate = fallocate, ops.copy_file_range = copy_file_range, ops.lseek = lseek;
  ops.statx = statx, ops.syncfs = syncfs;
  return ops;
}

LowLevel::LowLevel(World& w, uint64_t generation) : world(w), base_(generation << 32) {
  std::vector<char*> words{const_cast<char*>("test")};
  for (const char* word : world.options()) words.push_back(const_cast<char*>(word));
  fuse_args args = FUSE_ARGS_INIT(static_cast<int>(words.size()), words.data());
  const fuse_lowlevel_ops ops = operations();
  session_ = fuse_session_new(&args, &ops, sizeof ops, this);
  fuse_opt_free_args(&args);
}

}  // namespace

std::unique_ptr<Filesystem> new_low_level(World& world, uint64_t generation) {
  return std::make_unique<LowLevel>(world, generation);
}

}  // namespace fuse3::reconnect
