// A path that is written from its end to its beginning, as one finds it going up from a node.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace fuse3 {

class PathText {
 public:
  PathText() { clear(); }
  PathText(const PathText&) = delete;
  PathText& operator=(const PathText&) = delete;

  void clear() {
    start_ = size_ - 1;
    text()[start_] = '\0';
  }
  // Puts "/name" before what there is. False: no memory.
  bool prepend(std::string_view name);
  // The path, "/" if nothing was put there.
  const char* c_str() const { return start_ == size_ - 1 ? "/" : text() + start_; }

 private:
  static constexpr size_t kInline = 512;

  char* text() { return more_ != nullptr ? more_.get() : inline_; }
  const char* text() const { return more_ != nullptr ? more_.get() : inline_; }
  bool grow(size_t wanted);

  size_t size_ = kInline;
  size_t start_ = 0;
  std::unique_ptr<char[]> more_;
  char inline_[kInline];
};

}  // namespace fuse3
