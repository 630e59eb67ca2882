#include "disk.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <set>

namespace fuse3::reconnect {

struct stat File::attributes() const {
  struct stat out {};
  out.st_ino = number;
  out.st_dev = 7;
  out.st_mode = mode;
  out.st_uid = uid;
  out.st_gid = gid;
  out.st_rdev = rdev;
  out.st_nlink = links;
  out.st_size = static_cast<off_t>(data.size());
  out.st_mtim.tv_sec = mtime;
  return out;
}

uint64_t Locks::who_excludes(const File& file, uint64_t owner, short type) const {
  for (const auto& [key, held] : held_) {
    if (key.first != &file || key.second == owner) continue;
    if (held == F_WRLCK || type == F_WRLCK) return key.second;
  }
  return 0;
}

int Locks::set(const File& file, uint64_t owner, short type) {
  if (type != F_UNLCK && who_excludes(file, owner, type) != 0) return EAGAIN;
  if (type == F_UNLCK) {
    held_.erase({&file, owner});
  } else {
    held_[{&file, owner}] = type;
  }
  return 0;
}

Disk::Disk() : root(std::make_shared<File>()) {
  root->number = 1;
  root->mode = S_IFDIR | 0755;
  root->links = 1;
}

FilePtr Disk::find(const File& directory, const std::string& name) const {
  const auto found = directory.names.find(name);
  return found != directory.names.end() ? found->second : nullptr;
}

FilePtr Disk::walk(const std::string& path, FilePtr* parent, std::string* last) {
  FilePtr at = root;
  for (size_t begin = 1; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    if (!at || !at->directory()) return nullptr;
    if (parent != nullptr) *parent = at;
    if (last != nullptr) *last = name;
    at = find(*at, name);
    begin = end + 1;
  }
  return at;
}

int Disk::may_open(const File& file, int flags) {
  const int access = flags & O_ACCMODE;
  const mode_t needed = (access != O_WRONLY ? S_IRUSR : 0) | (access != O_RDONLY ? S_IWUSR : 0);
  return !S_ISREG(file.mode) || (file.mode & needed) == needed ? 0 : EACCES;
}

FilePtr Disk::make_unnamed(mode_t mode) {
  auto file = std::make_shared<File>();
  file->number = ++last_number_;
  file->mode = mode;
  file->mtime = ++clock_;
  return file;
}

int Disk::make(File& directory, const std::string& name, mode_t mode, dev_t rdev,
               const std::string& target, FilePtr* made) {
  if (find(directory, name)) return EEXIST;
  const FilePtr file = make_unnamed((mode & S_IFMT) != 0 ? mode : mode | S_IFREG);
  file->rdev = rdev;
  file->data = target;
  file->links = 1;
  directory.names[name] = file;
  if (made != nullptr) *made = file;
  return 0;
}

int Disk::link(const FilePtr& file, File& directory, const std::string& name) {
  if (find(directory, name)) return EEXIST;
  ++file->links;
  directory.names[name] = file;
  return 0;
}

int Disk::remove(File& directory, const std::string& name, bool is_directory) {
  const FilePtr file = find(directory, name);
  if (!file) return ENOENT;
  if (file->directory() != is_directory) return is_directory ? ENOTDIR : EISDIR;
  if (!file->names.empty()) return ENOTEMPTY;
  --file->links;
  directory.names.erase(name);
  return 0;
}

int Disk::rename(File& from, const std::string& name, File& to, const std::string& new_name,
                 unsigned flags) {
  const FilePtr moved = find(from, name);
  const FilePtr there = find(to, new_name);
  if ((flags & RENAME_NOREPLACE) != 0 && there) return EEXIST;
  if (!moved || ((flags & RENAME_EXCHANGE) != 0 && !there)) return ENOENT;
  if (there && (flags & RENAME_EXCHANGE) == 0) --there->links;
  to.names[new_name] = moved;
  from.names.erase(name);
  if ((flags & RENAME_EXCHANGE) != 0) from.names[name] = there;
  if ((flags & RENAME_WHITEOUT) != 0) return make(from, name, S_IFCHR, 0, "", nullptr);
  return 0;
}

void Disk::write(File& file, uint64_t offset, const std::string& bytes) {
  if (file.data.size() < offset + bytes.size()) file.data.resize(offset + bytes.size());
  file.data.replace(offset, bytes.size(), bytes);
  file.mtime = ++clock_;
}

int Disk::fallocate(File& file, int mode, uint64_t offset, uint64_t length) {
  std::string& data = file.data;
  if ((mode & FALLOC_FL_INSERT_RANGE) != 0) {
    if (offset > data.size()) return EINVAL;
    data.insert(offset, std::string(length, '\0'));
  } else if ((mode & FALLOC_FL_COLLAPSE_RANGE) != 0) {
    if (offset + length > data.size()) return EINVAL;
    data.erase(offset, length);
  } else if ((mode & FALLOC_FL_PUNCH_HOLE) != 0) {
    for (uint64_t i = offset; i < std::min<uint64_t>(offset + length, data.size()); ++i)
      data[i] = 0;
  } else if (data.size() < offset + length) {
    data.resize(offset + length);
  }
  return 0;
}

int Disk::set_xattr(File& file, const std::string& name, const std::string& value, int flags) {
  const bool there = file.xattrs.contains(name);
  if (there && (flags & XATTR_CREATE) != 0) return EEXIST;
  if (!there && (flags & XATTR_REPLACE) != 0) return ENODATA;
  file.xattrs[name] = value;
  return 0;
}

int Disk::remove_xattr(File& file, const std::string& name) {
  return file.xattrs.erase(name) != 0 ? 0 : ENODATA;
}

namespace {

void tell(const File& file, const std::string& path, std::set<uint64_t>* told, std::string* text) {
  char head[160];
  std::snprintf(head, sizeof head, "%s: %llu %o %u:%u rdev %llu links %u ", path.c_str(),
                static_cast<unsigned long long>(file.number), file.mode, file.uid, file.gid,
                static_cast<unsigned long long>(file.rdev), file.links);
  *text += head;
  if (!told->insert(file.number).second) {
    *text += "as above\n";
    return;
  }
  *text += "'";
  for (const char byte : file.data) *text += byte != 0 ? byte : '.';
  *text += "'";
  for (const auto& [name, value] : file.xattrs) *text += " " + name + "=" + value;
  *text += "\n";
  for (const auto& [name, child] : file.names) tell(*child, path + "/" + name, told, text);
}

}  // namespace

std::string Disk::picture() const {
  std::string text;
  std::set<uint64_t> told;
  tell(*root, "", &told, &text);
  for (const auto& [what, times] : done) text += what + " " + std::to_string(times) + "\n";
  return text;
}

}  // namespace fuse3::reconnect
