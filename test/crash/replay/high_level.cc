// The filesystem of the disk, by the high-level interface.
#include <fcntl.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fuse.h"
#include "world.h"

namespace fuse3::reconnect {
namespace {

class HighLevel final : public Filesystem {
 public:
  HighLevel(World& world, uint64_t generation);
  fuse_session* session() override { return fuse_get_session(fuse_); }
  std::string left() const override {
    return opened_.empty() ? "" : "the filesystem has files open";
  }

  FilePtr opened(const fuse_file_info* info) {
    const auto found = opened_.find(info->fh);
    if (found != opened_.end()) return found->second;
    world.complain("a file is used that this server has not open");
    return std::make_shared<File>();
  }
  int open(const FilePtr& file, fuse_file_info* info) {
    if (!file) return -ENOENT;
    info->fh = base_ + ++last_open_;
    opened_[info->fh] = file;
    return 0;
  }
  int release(const fuse_file_info* info) {
    if (opened_.erase(info->fh) == 0) world.complain("a file is closed that was not open");
    return 0;
  }
  // By its path, or as it is open.
  FilePtr file(const char* path, const fuse_file_info* info) {
    return info != nullptr ? opened(info) : world.disk.walk(path);
  }

  World& world;
  Locks locks;

 private:
  const uint64_t base_;
  uint64_t last_open_ = 0;
  std::map<uint64_t, FilePtr> opened_;
  struct fuse* fuse_ = nullptr;
};

// Where an operation may die: before it has changed anything.
HighLevel& begin(const char* name) {
  HighLevel& fs = *static_cast<HighLevel*>(fuse_get_context()->private_data);
  fs.world.reached(name);
  return fs;
}

// And after.
int end(HighLevel& fs, int error) {
  fs.world.reached("after the change");
  return -error;
}

// A path as the directory and the last name.
struct Spot {
  FilePtr parent;
  std::string name;
};
Spot spot(HighLevel& fs, const char* path) {
  Spot out;
  (void)fs.world.disk.walk(path, &out.parent, &out.name);
  if (!out.parent) out.parent = std::make_shared<File>();
  return out;
}

int getattr(const char* path, struct stat* attr, fuse_file_info* info) {
  const FilePtr file = begin("GETATTR").file(path, info);
  if (!file) return -ENOENT;
  *attr = file->attributes();
  return 0;
}

int readlink(const char* path, char* buffer, size_t size) {
  const FilePtr file = begin("READLINK").world.disk.walk(path);
  if (!file) return -ENOENT;
  std::strncpy(buffer, file->data.c_str(), size);
  return 0;
}

int make(const char* operation, const char* path, mode_t mode, dev_t rdev, const char* target) {
  HighLevel& fs = begin(operation);
  const Spot at = spot(fs, path);
  return end(fs, fs.world.disk.make(*at.parent, at.name, mode, rdev, target, nullptr));
}
int mknod(const char* path, mode_t mode, dev_t rdev) {
  return make("MKNOD", path, mode, rdev, "");
}
int mkdir(const char* path, mode_t mode) {
  return make("MKDIR", path, S_IFDIR | (mode & 07777), 0, "");
}
int symlink(const char* target, const char* path) {
  return make("SYMLINK", path, S_IFLNK | 0777, 0, target);
}

int link(const char* path, const char* new_path) {
  HighLevel& fs = begin("LINK");
  const Spot at = spot(fs, new_path);
  const FilePtr file = fs.world.disk.walk(path);
  if (!file) return -ENOENT;
  return end(fs, fs.world.disk.link(file, *at.parent, at.name));
}

int remove(const char* operation, const char* path, bool directory) {
  HighLevel& fs = begin(operation);
  const Spot at = spot(fs, path);
  return end(fs, fs.world.disk.remove(*at.parent, at.name, directory));
}
int unlink(const char* path) {
  return remove("UNLINK", path, false);
}
int rmdir(const char* path) {
  return remove("RMDIR", path, true);
}

int rename(const char* path, const char* new_path, unsigned flags) {
  HighLevel& fs = begin("RENAME");
  const Spot from = spot(fs, path), to = spot(fs, new_path);
  return end(fs, fs.world.disk.rename(*from.parent, from.name, *to.parent, to.name, flags));
}

template <class Change>
int change(const char* operation, const char* path, fuse_file_info* info, Change how) {
  HighLevel& fs = begin(operation);
  const FilePtr file = fs.file(path, info);
  if (!file) return -ENOENT;
  const int error = how(fs, *file);
  return end(fs, error);
}

int chmod(const char* path, mode_t mode, fuse_file_info* info) {
  return change("CHMOD", path, info, [=](HighLevel&, File& file) {
    file.mode = (file.mode & S_IFMT) | (mode & 07777);
    return 0;
  });
}
int chown(const char* path, uid_t uid, gid_t gid, fuse_file_info* info) {
  return change("CHOWN", path, info, [=](HighLevel&, File& file) {
    file.uid = uid;
    file.gid = gid;
    return 0;
  });
}
int truncate(const char* path, off_t size, fuse_file_info* info) {
  return change("TRUNCATE", path, info, [=](HighLevel&, File& file) {
    file.data.resize(static_cast<size_t>(size));
    return 0;
  });
}
int setxattr(const char* path, const char* name, const char* value, size_t size, int flags) {
  return change("SETXATTR", path, nullptr, [=](HighLevel& fs, File& file) {
    return fs.world.disk.set_xattr(file, name, std::string(value, size), flags);
  });
}
int removexattr(const char* path, const char* name) {
  return change("REMOVEXATTR", path, nullptr,
                [=](HighLevel& fs, File& file) { return fs.world.disk.remove_xattr(file, name); });
}
int fallocate(const char* path, int mode, off_t offset, off_t length, fuse_file_info* info) {
  return change("FALLOCATE", path, info, [=](HighLevel& fs, File& file) {
    return fs.world.disk.fallocate(file, mode, static_cast<uint64_t>(offset),
                                   static_cast<uint64_t>(length));
  });
}
int synced(const char*, int, fuse_file_info*) {
  return end(begin("FSYNC"), 0);
}
int flush(const char*, fuse_file_info*) {
  return end(begin("FLUSH"), 0);
}

int open_any(const char* path, fuse_file_info* info) {
  HighLevel& fs = begin("OPEN");
  const FilePtr file = fs.world.disk.walk(path);
  if (const int error = file ? Disk::may_open(*file, info->flags) : 0) return -error;
  if (file && (info->flags & O_TRUNC) != 0) file->data.clear();
  fs.world.reached("after the change");
  return fs.open(file, info);
}

int release_any(const char*, fuse_file_info* info) {
  return begin("RELEASE").release(info);
}

int create(const char* path, mode_t mode, fuse_file_info* info) {
  HighLevel& fs = begin("CREATE");
  const Spot at = spot(fs, path);
  FilePtr file = fs.world.disk.find(*at.parent, at.name);
  if (file && (info->flags & O_EXCL) != 0) return -EEXIST;
  if (file) {
    if (const int error = Disk::may_open(*file, info->flags)) return -error;
  } else {
    (void)fs.world.disk.make(*at.parent, at.name, S_IFREG | (mode & 07777), 0, "", &file);
  }
  fs.world.reached("after the change");
  return fs.open(file, info);
}

int read(const char*, char* buffer, size_t size, off_t offset, fuse_file_info* info) {
  const std::string& data = begin("READ").opened(info)->data;
  const size_t start = std::min(static_cast<size_t>(offset), data.size());
  return static_cast<int>(data.copy(buffer, size, start));
}

int write(const char*, const char* bytes, size_t size, off_t offset, fuse_file_info* info) {
  HighLevel& fs = begin("WRITE");
  fs.world.disk.write(*fs.opened(info), static_cast<uint64_t>(offset), std::string(bytes, size));
  return end(fs, 0) + static_cast<int>(size);
}

int readdir(const char*, void* buffer, fuse_fill_dir_t fill, off_t, fuse_file_info* info,
            fuse_readdir_flags flags) {
  const auto plus = (flags & FUSE_READDIR_PLUS) != 0 ? FUSE_FILL_DIR_PLUS : fuse_fill_dir_flags{};
  for (const auto& [name, file] : begin("READDIR").opened(info)->names) {
    const struct stat attr = file->attributes();
    if (fill(buffer, name.c_str(), &attr, 0, plus) != 0) break;
  }
  return 0;
}

int statfs(const char*, struct statvfs* out) {
  begin("STATFS");
  out->f_namemax = 77;
  return 0;
}

int give(const std::string& bytes, char* buffer, size_t size) {
  if (size != 0 && bytes.size() > size) return -ERANGE;
  if (size != 0) bytes.copy(buffer, size);
  return static_cast<int>(bytes.size());
}

int getxattr(const char* path, const char* name, char* buffer, size_t size) {
  const FilePtr file = begin("GETXATTR").world.disk.walk(path);
  if (!file || !file->xattrs.contains(name)) return file ? -ENODATA : -ENOENT;
  return give(file->xattrs[name], buffer, size);
}

int listxattr(const char* path, char* buffer, size_t size) {
  const FilePtr file = begin("LISTXATTR").world.disk.walk(path);
  if (!file) return -ENOENT;
  std::string names;
  for (const auto& [name, value] : file->xattrs) names += name + '\0';
  return give(names, buffer, size);
}

int access(const char* path, int) {
  return begin("ACCESS").world.disk.walk(path) ? 0 : -ENOENT;
}

int bmap(const char*, size_t, uint64_t* block) {
  begin("BMAP");
  *block += 100;
  return 0;
}

int ioctl(const char*, unsigned command, void*, fuse_file_info*, unsigned, void* data) {
  HighLevel& fs = begin("IOCTL");
  if (_IOC_DIR(command) != _IOC_READ) ++fs.world.disk.done["ioctl"];
  fs.world.reached("after the change");
  if (data != nullptr && _IOC_DIR(command) == _IOC_READ) std::memset(data, 'o', 4);
  return 0;
}

int poll(const char*, fuse_file_info*, fuse_pollhandle* handle, unsigned* events) {
  begin("POLL");
  if (handle != nullptr) fuse_pollhandle_destroy(handle);
  *events = 5;
  return 0;
}

ssize_t copy_file_range(const char*, fuse_file_info* in, off_t from, const char*,
                        fuse_file_info* out, off_t to, size_t size, int) {
  HighLevel& fs = begin("COPY_FILE_RANGE");
  const std::string part = fs.opened(in)->data.substr(static_cast<size_t>(from), size);
  fs.world.disk.write(*fs.opened(out), static_cast<uint64_t>(to), part);
  fs.world.reached("after the change");
  return static_cast<ssize_t>(part.size());
}

off_t lseek(const char*, off_t offset, int, fuse_file_info*) {
  begin("LSEEK");
  return offset + 1;
}

int lock(const char*, fuse_file_info* info, int command, struct flock* lock) {
  HighLevel& fs = begin("LOCK");
  const FilePtr file = fs.opened(info);
  if (command != F_GETLK) return end(fs, fs.locks.set(*file, info->lock_owner, lock->l_type));
  if (fs.locks.who_excludes(*file, info->lock_owner, lock->l_type) == 0) lock->l_type = F_UNLCK;
  return 0;
}

int utimens(const char*, const struct timespec*, fuse_file_info*) {
  return end(begin("UTIMENS"), 0);
}

fuse_operations operations() {
  fuse_operations ops{};
  ops.getattr = getattr, ops.readlink = readlink, ops.mknod = mknod, ops.mkdir = mkdir;
  ops.unlink = unlink, ops.rmdir = rmdir, ops.symlink = symlink, ops.rename = rename;
  ops.link = link, ops.chmod = chmod, ops.chown = chown, ops.truncate = truncate;
  ops.open = open_any, ops.opendir = open_any, ops.release = release_any;
  ops.releasedir = release_any, ops.create = create, ops.read = read, ops.write = write;
  ops.flush = flush, ops.fsync = synced, ops.fsyncdir = synced, ops.readdir = readdir;
  ops.statfs = statfs, ops.setxattr = setxattr, ops.getxattr = getxattr;
  ops.listxattr = listxattr, ops.removexattr = removexattr, ops.access = access;
  ops.bmap = bmap, ops.ioctl = ioctl, ops.poll = poll, ops.fallocate = fallocate;
  ops.copy_file_range = copy_file_range, ops.lseek = lseek, ops.utimens = utimens;
  ops.lock = lock;
  return ops;
}

HighLevel::HighLevel(World& w, uint64_t generation) : world(w), base_(generation << 32) {
  std::vector<char*> words{const_cast<char*>("test")};
  for (const char* word : world.options()) words.push_back(const_cast<char*>(word));
  fuse_args args = FUSE_ARGS_INIT(static_cast<int>(words.size()), words.data());
  const fuse_operations ops = operations();
  fuse_ = fuse_new(&args, &ops, sizeof ops, this);
  fuse_opt_free_args(&args);
}

}  // namespace

std::unique_ptr<Filesystem> new_high_level(World& world, uint64_t generation) {
  return std::make_unique<HighLevel>(world, generation);
}

}  // namespace fuse3::reconnect
