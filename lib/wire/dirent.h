// The entries of READDIR and READDIRPLUS replies: appending them, and walking a finished reply.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string_view>

#include "wire/structs_out.h"

struct fuse_entry_param;

namespace fuse3::wire {

// Room an entry takes, padding included.
size_t dirent_size(size_t name_len);
size_t direntplus_size(size_t name_len);

// Writes one entry at the start of `buffer` and returns the room it takes. When that is more than
// there is, nothing is written. Of `stat` the inode number and the type count. `offset` is where
// reading goes on after this entry.
size_t append_dirent(std::span<std::byte> buffer, std::string_view name, const struct stat* stat,
                     off_t offset);
size_t append_direntplus(std::span<std::byte> buffer, std::string_view name,
                         const fuse_entry_param& entry, off_t offset);

// Walks the payload of a READDIR reply (what follows its OutHeader), up to its end or to an entry
// that does not fit.
class DirentWalker {
 public:
  explicit DirentWalker(std::span<std::byte> payload);

  bool valid() const { return size_ != 0; }
  void next();
  Dirent dirent() const;
  std::string_view name() const;
  void set_offset(uint64_t offset);
  size_t position() const { return position_; }
  size_t size() const { return size_; }

 private:
  void measure();

  std::span<std::byte> payload_;
  size_t position_ = 0;
  size_t size_ = 0;
};

// Walks the payload of a READDIRPLUS reply (what follows its OutHeader), so that node ids can be
// rewritten in place:
//
//   for (DirentplusWalker walker(payload); walker.valid(); walker.next()) ...
class DirentplusWalker {
 public:
  explicit DirentplusWalker(std::span<std::byte> payload);

  // False at the end, and before an entry that does not fit; malformed() tells the two apart.
  bool valid() const { return size_ != 0; }
  bool malformed() const { return malformed_; }
  void next();

  EntryOut entry() const;
  void set_entry(const EntryOut& entry);
  // The inode number that applications see, in the entry's both parts.
  void set_number(uint64_t ino);
  Dirent dirent() const;
  std::string_view name() const;
  // Where reading goes on behind the entry.
  void set_offset(uint64_t offset);
  // Where the entry begins in the payload, and its length with padding.
  size_t position() const { return position_; }
  size_t size() const { return size_; }

 private:
  void measure();

  std::span<std::byte> payload_;
  size_t position_ = 0;
  size_t size_ = 0;
  bool malformed_ = false;
};

}  // namespace fuse3::wire
