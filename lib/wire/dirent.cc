#include "wire/dirent.h"

#include <cassert>
#include <cstring>

#include "fuse_lowlevel.h"
#include "wire/reply.h"

namespace fuse3::wire {

namespace {

constexpr size_t padded(size_t size) {
  return (size + 7) & ~size_t{7};
}

Dirent make_dirent(std::string_view name, const struct stat& stat, off_t offset) {
  return Dirent{.ino = stat.st_ino,
                .off = static_cast<uint64_t>(offset),
                .namelen = static_cast<uint32_t>(name.size()),
                .type = (stat.st_mode & S_IFMT) >> 12};
}

// The name and its padding, up to the end of `to`, which is exactly as long.
void put_name(std::span<std::byte> to, std::string_view name) {
  if (!name.empty()) std::memcpy(to.data(), name.data(), name.size());
  if (to.size() > name.size()) std::memset(to.data() + name.size(), 0, to.size() - name.size());
}

}  // namespace

size_t dirent_size(size_t name_len) {
  return padded(sizeof(Dirent) + name_len);
}

size_t direntplus_size(size_t name_len) {
  return padded(sizeof(Direntplus) + name_len);
}

size_t append_dirent(std::span<std::byte> buffer, std::string_view name, const struct stat* stat,
                     off_t offset) {
  size_t size = dirent_size(name.size());
  if (size > buffer.size()) return size;
  Dirent dirent = make_dirent(name, *stat, offset);
  std::memcpy(buffer.data(), &dirent, sizeof(dirent));
  put_name(buffer.first(size).subspan(sizeof(dirent)), name);
  return size;
}

size_t append_direntplus(std::span<std::byte> buffer, std::string_view name,
                         const fuse_entry_param& entry, off_t offset) {
  size_t size = direntplus_size(name.size());
  if (size > buffer.size()) return size;
  Direntplus plus{make_entry(entry), make_dirent(name, entry.attr, offset)};
  std::memcpy(buffer.data(), &plus, sizeof(plus));
  put_name(buffer.first(size).subspan(sizeof(plus)), name);
  return size;
}

DirentWalker::DirentWalker(std::span<std::byte> payload) : payload_(payload) {
  measure();
}

void DirentWalker::next() {
  position_ += size_;
  measure();
}

void DirentWalker::measure() {
  size_ = 0;
  const size_t left = payload_.size() - position_;
  if (left < sizeof(Dirent)) return;
  const size_t size = dirent_size(dirent().namelen);
  if (size <= left) size_ = size;
}

Dirent DirentWalker::dirent() const {
  Dirent dirent;
  std::memcpy(&dirent, payload_.data() + position_, sizeof(dirent));
  return dirent;
}

std::string_view DirentWalker::name() const {
  const std::byte* start = payload_.data() + position_ + sizeof(Dirent);
  return {reinterpret_cast<const char*>(start), dirent().namelen};
}

void DirentWalker::set_offset(uint64_t offset) {
  std::memcpy(payload_.data() + position_ + offsetof(Dirent, off), &offset, sizeof(offset));
}

DirentplusWalker::DirentplusWalker(std::span<std::byte> payload) : payload_(payload) {
  measure();
}

void DirentplusWalker::next() {
  position_ += size_;
  measure();
}

void DirentplusWalker::measure() {
  size_ = 0;
  size_t left = payload_.size() - position_;
  if (left == 0) return;
  malformed_ = true;
  if (left < sizeof(Direntplus)) return;
  Dirent dirent;
  std::memcpy(&dirent, payload_.data() + position_ + offsetof(Direntplus, dirent), sizeof(dirent));
  size_t size = direntplus_size(dirent.namelen);
  if (size > left) return;
  malformed_ = false;
  size_ = size;
}

EntryOut DirentplusWalker::entry() const {
  assert(valid());
  EntryOut entry;
  std::memcpy(&entry, payload_.data() + position_, sizeof(entry));
  return entry;
}

void DirentplusWalker::set_entry(const EntryOut& entry) {
  assert(valid());
  std::memcpy(payload_.data() + position_, &entry, sizeof(entry));
}

void DirentplusWalker::set_number(uint64_t ino) {
  assert(valid());
  std::byte* at = payload_.data() + position_;
  constexpr size_t attr_ino = offsetof(EntryOut, attr) + offsetof(Attr, ino);
  std::memcpy(at + offsetof(Direntplus, entry_out) + attr_ino, &ino, sizeof(ino));
  std::memcpy(at + offsetof(Direntplus, dirent) + offsetof(Dirent, ino), &ino, sizeof(ino));
}

void DirentplusWalker::set_offset(uint64_t offset) {
  assert(valid());
  std::byte* at = payload_.data() + position_ + offsetof(Direntplus, dirent);
  std::memcpy(at + offsetof(Dirent, off), &offset, sizeof(offset));
}

Dirent DirentplusWalker::dirent() const {
  assert(valid());
  Dirent dirent;
  std::memcpy(&dirent, payload_.data() + position_ + offsetof(Direntplus, dirent), sizeof(dirent));
  return dirent;
}

std::string_view DirentplusWalker::name() const {
  const std::byte* start = payload_.data() + position_ + sizeof(Direntplus);
  return {reinterpret_cast<const char*>(start), dirent().namelen};
}

}  // namespace fuse3::wire
