#include "highlevel/listing.h"

#include <algorithm>

#include "support/hash.h"

namespace fuse3 {
namespace {

// The two come first. Every process has to make the same of a name, so there is no secret in it.
uint64_t cookie_of(std::string_view name) {
  if (name == ".") return 1;
  if (name == "..") return 2;
  // Some readers take an offset for a signed number, and there must be room behind it.
  return (hash_bytes(0, name) >> 2) | 4;
}

}  // namespace

void Listing::clear() {
  entries_.clear();
  names_.clear();
  attributes_.clear();
}

void Listing::add(std::string_view name, const struct stat* attributes, bool whole) {
  Entry entry{};
  entry.name_start = static_cast<uint32_t>(names_.size());
  entry.name_length = static_cast<uint32_t>(name.size());
  names_.append(name);
  if (attributes != nullptr) {
    entry.ino = attributes->st_ino;
    entry.type = attributes->st_mode & S_IFMT;
  }
  if (attributes != nullptr && whole) {
    attributes_.push_back(*attributes);
    entry.attributes = static_cast<uint32_t>(attributes_.size());
  }
  entries_.push_back(entry);
}

void Listing::finish(bool by_name) {
  if (!by_name) {
    for (size_t i = 0; i < entries_.size(); ++i) entries_[i].cookie = i + 1;
    return;
  }
  for (Entry& entry : entries_) entry.cookie = cookie_of(name(entry));
  std::sort(entries_.begin(), entries_.end(), [this](const Entry& a, const Entry& b) {
    return a.cookie != b.cookie ? a.cookie < b.cookie : name(a) < name(b);
  });
  // Two names of one number: the later one gets the next.
  uint64_t last = 0;
  for (Entry& entry : entries_) {
    entry.cookie = std::max(entry.cookie, last + 1);
    last = entry.cookie;
  }
}

size_t Listing::after(uint64_t cookie) const {
  const auto found =
      std::upper_bound(entries_.begin(), entries_.end(), cookie,
                       [](uint64_t wanted, const Entry& entry) { return wanted < entry.cookie; });
  return static_cast<size_t>(found - entries_.begin());
}

}  // namespace fuse3
