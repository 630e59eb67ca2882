// An array that may become large and mostly stays untouched: zero from the start, and without
// memory where nothing was ever stored.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <type_traits>

#include "support/log.h"

namespace fuse3 {

template <class T>
class ZeroedArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit ZeroedArray(size_t count) : bytes_(count * sizeof(T)) {
    void* memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      log_error("fuse: no memory for the reconnect tables\n");
      std::abort();
    }
    items_ = static_cast<T*>(memory);
  }
  ~ZeroedArray() { ::munmap(items_, bytes_); }
  ZeroedArray(const ZeroedArray&) = delete;
  ZeroedArray& operator=(const ZeroedArray&) = delete;

  // Gives the memory back of what is zero anyway. Whole pages.
  void clear(size_t first, size_t count) const {
    ::madvise(items_ + first, count * sizeof(T), MADV_DONTNEED);
  }

  T& operator[](size_t index) const { return items_[index]; }

 private:
  size_t bytes_;
  T* items_;
};

}  // namespace fuse3
