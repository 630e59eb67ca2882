// The entries of a directory that was read as a whole. Where reading goes on is told by a cookie:
// the place in the order the filesystem gave, or, where another process may have to go on, a number
// made of the name: then nothing is lost or given twice although names came and went meanwhile.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fuse3 {

class Listing {
 public:
  struct Entry {
    uint64_t cookie;
    uint64_t ino;   // 0: not known
    uint32_t type;  // of st_mode
    uint32_t name_start;
    uint32_t name_length;
    uint32_t attributes;  // which of attributes_, from 1; 0: none
  };

  void clear();
  // `whole`: all attributes are known, not only the number and the type.
  void add(std::string_view name, const struct stat* attributes, bool whole);
  // All are there. `by_name`: cookies are to be made of names.
  void finish(bool by_name);

  // The first entry that comes after a cookie; 0 is before all.
  size_t after(uint64_t cookie) const;
  size_t size() const { return entries_.size(); }
  const Entry& operator[](size_t i) const { return entries_[i]; }
  std::string_view name(const Entry& entry) const {
    return std::string_view(names_).substr(entry.name_start, entry.name_length);
  }
  const struct stat* attributes(const Entry& entry) const {
    return entry.attributes != 0 ? &attributes_[entry.attributes - 1] : nullptr;
  }

 private:
  std::vector<Entry> entries_;
  std::string names_;
  std::vector<struct stat> attributes_;
};

}  // namespace fuse3
