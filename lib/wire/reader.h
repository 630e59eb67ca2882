// Takes a request apart from front to back. After a failed step nothing more should be taken.
#pragma once

#include <cstring>
#include <span>
#include <type_traits>

#include "wire/message.h"

namespace fuse3::wire {

class Reader {
 public:
  explicit Reader(const Message& message)
      : op_header_(message.op_header()), rest_(message.body()), outside_(message.outside()) {}

  // The fixed part, of which this version of the protocol sends the first `size` bytes; the rest of
  // `out` is zeroed. It comes first, and from the ring's op header when there is one.
  template <class T>
  bool fixed(T& out, size_t size = sizeof(T)) {
    static_assert(std::is_trivially_copyable_v<T>);
    auto& from = op_header_.empty() ? rest_ : op_header_;
    if (from.size() < size) return false;
    out = T{};
    std::memcpy(&out, from.data(), size);
    from = from.subspan(size);
    return true;
  }

  // Bytes up to a NUL, null when there is none. What they may be is the caller's business.
  const char* string() {
    if (rest_.empty()) return nullptr;
    const void* end = std::memchr(rest_.data(), 0, rest_.size());
    if (end == nullptr) return nullptr;
    const char* start = reinterpret_cast<const char*>(rest_.data());
    rest_ = rest_.subspan(static_cast<size_t>(static_cast<const char*>(end) - start) + 1);
    return start;
  }

  bool bytes(size_t size, std::span<const std::byte>& out) {
    if (rest_.size() < size) return false;
    out = rest_.first(size);
    rest_ = rest_.subspan(size);
    return true;
  }

  // As bytes(), for data that may have been left outside: `out` gets what is here of it.
  bool data(size_t size, std::span<const std::byte>& out) {
    if (outside_ == 0) return bytes(size, out);
    if (rest_.size() + outside_ != size) return false;
    return bytes(rest_.size(), out);
  }

 private:
  std::span<const std::byte> op_header_;
  std::span<const std::byte> rest_;
  size_t outside_;
};

inline constexpr Error kMalformed{EPROTO};
inline constexpr Error kBadName{EINVAL};

}  // namespace fuse3::wire
