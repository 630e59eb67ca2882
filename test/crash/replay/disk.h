// What a filesystem stores, which outlives its servers: the plainest there is, so that what it
// contains after a crash can be compared with what it would contain without.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace fuse3::reconnect {

struct File {
  uint64_t number = 0;
  mode_t mode = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  dev_t rdev = 0;
  unsigned links = 0;
  int64_t mtime = 0;
  std::string data;  // of a symbolic link its target
  std::map<std::string, std::string> xattrs;
  std::map<std::string, std::shared_ptr<File>> names;  // of a directory

  bool directory() const { return S_ISDIR(mode); }
  struct stat attributes() const;
};

using FilePtr = std::shared_ptr<File>;

// Locks of whole files that a server has granted, which are gone with it.
class Locks {
 public:
  // The owner whose lock is in the way; 0: nobody's.
  uint64_t who_excludes(const File& file, uint64_t owner, short type) const;
  // 0 or EAGAIN.
  int set(const File& file, uint64_t owner, short type);

 private:
  std::map<std::pair<const File*, uint64_t>, short> held_;
};

// All return 0 or a positive errno.
class Disk {
 public:
  Disk();

  FilePtr root;
  // How often things were done that leave nothing else behind.
  std::map<std::string, unsigned> done;

  FilePtr find(const File& directory, const std::string& name) const;
  // By a path from the root; null if it is not there. `parent` gets the last directory.
  FilePtr walk(const std::string& path, FilePtr* parent = nullptr, std::string* last = nullptr);

  // EACCES, by the owner's bits, as for every user but root.
  static int may_open(const File& file, int flags);
  FilePtr make_unnamed(mode_t mode);
  int make(File& directory, const std::string& name, mode_t mode, dev_t rdev,
           const std::string& target, FilePtr* made);
  int link(const FilePtr& file, File& directory, const std::string& name);
  int remove(File& directory, const std::string& name, bool is_directory);
  int rename(File& from, const std::string& name, File& to, const std::string& new_name,
             unsigned flags);
  void write(File& file, uint64_t offset, const std::string& bytes);
  int fallocate(File& file, int mode, uint64_t offset, uint64_t length);
  int set_xattr(File& file, const std::string& name, const std::string& value, int flags);
  int remove_xattr(File& file, const std::string& name);

  // Everything but times.
  std::string picture() const;

 private:
  uint64_t last_number_ = 1;
  int64_t clock_ = 1000;
};

}  // namespace fuse3::reconnect
