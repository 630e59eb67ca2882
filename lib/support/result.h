// Errors are values here: a Result holds either a T or a positive errno number.
#pragma once

#include <cassert>
#include <cerrno>
#include <optional>
#include <utility>

namespace fuse3 {

// A failed outcome; `number` is a positive errno value.
struct Error {
  int number;
};

// The calling thread's errno as an Error, for use right after a failed system call.
inline Error last_error() { return Error{errno}; }

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Error error) : error_(error.number) { assert(error.number > 0); }

  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return std::move(*value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

  // 0 when a value is held.
  int error() const { return error_; }
  Error as_error() const { return Error{error_}; }

 private:
  std::optional<T> value_;
  int error_ = 0;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(error.number) { assert(error.number > 0); }

  bool ok() const { return error_ == 0; }
  explicit operator bool() const { return ok(); }
  int error() const { return error_; }
  Error as_error() const { return Error{error_}; }

 private:
  int error_ = 0;
};

}  // namespace fuse3
