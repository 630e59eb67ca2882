#include "options/buf_copy.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace fuse3 {
namespace {

// The rest of one buffer: what a single copy works on.
struct Piece {
  const fuse_buf& buf;
  size_t offset;

  bool is_fd() const { return buf.flags & FUSE_BUF_IS_FD; }
  bool seeks() const { return buf.flags & FUSE_BUF_FD_SEEK; }
  bool retries() const { return buf.flags & FUSE_BUF_FD_RETRY; }
  char* memory() const { return static_cast<char*>(buf.mem) + offset; }
  off_t position() const { return buf.pos + static_cast<off_t>(offset); }
};

enum class Direction { from_fd, to_fd };

// Reads or writes once, `done` bytes into the piece.
ssize_t transfer_once(Direction direction, const Piece& fd, size_t done, char* memory,
                      size_t size) {
  const off_t position = fd.position() + static_cast<off_t>(done);
  if (direction == Direction::from_fd) {
    return fd.seeks() ? pread(fd.buf.fd, memory, size, position) : read(fd.buf.fd, memory, size);
  }
  return fd.seeks() ? pwrite(fd.buf.fd, memory, size, position) : write(fd.buf.fd, memory, size);
}

// Returns the bytes moved, or -errno when the first attempt failed.
ssize_t transfer(Direction direction, const Piece& fd, size_t done, char* memory, size_t size) {
  size_t moved = 0;
  while (moved < size) {
    const ssize_t now = transfer_once(direction, fd, done + moved, memory + moved, size - moved);
    if (now < 0 && moved == 0) return -errno;
    if (now <= 0) break;
    moved += static_cast<size_t>(now);
    if (!fd.retries()) break;
  }
  return static_cast<ssize_t>(moved);
}

template <size_t kBounce>
[[gnu::noinline]] ssize_t copy_by_bounce(const Piece& to, const Piece& from, size_t size) {
  char bounce[kBounce];
  size_t copied = 0;
  while (copied < size) {
    const size_t chunk = std::min(size - copied, kBounce);
    const ssize_t got = transfer(Direction::from_fd, from, copied, bounce, chunk);
    if (got < 0 && copied == 0) return got;
    if (got <= 0) break;
    const ssize_t put = transfer(Direction::to_fd, to, copied, bounce, static_cast<size_t>(got));
    if (put < 0 && copied == 0) return put;
    if (put <= 0) break;
    copied += static_cast<size_t>(put);
    // Short on either side: the rest is not there, or does not fit, now.
    if (put < got || static_cast<size_t>(got) < chunk) break;
  }
  return static_cast<ssize_t>(copied);
}

// The stack of a worker thread may be small: no more of it is touched than the copy needs.
ssize_t copy_without_splice(const Piece& to, const Piece& from, size_t size) {
  constexpr size_t kSmall = 4096;
  constexpr size_t kLarge = 32768;
  return size <= kSmall ? copy_by_bounce<kSmall>(to, from, size)
                        : copy_by_bounce<kLarge>(to, from, size);
}

unsigned splice_flags(int flags) {
  unsigned result = 0;
  if (flags & FUSE_BUF_SPLICE_MOVE) result |= SPLICE_F_MOVE;
  if (flags & FUSE_BUF_SPLICE_NONBLOCK) result |= SPLICE_F_NONBLOCK;
  return result;
}

ssize_t copy_between_fds(const Piece& to, const Piece& from, size_t size, int flags) {
  if (flags & FUSE_BUF_NO_SPLICE) return copy_without_splice(to, from, size);

  // splice() moves these forward by itself.
  loff_t to_position = to.position();
  loff_t from_position = from.position();
  size_t copied = 0;
  while (copied < size) {
    const ssize_t now =
        splice(from.buf.fd, from.seeks() ? &from_position : nullptr, to.buf.fd,
               to.seeks() ? &to_position : nullptr, size - copied, splice_flags(flags));
    if (now < 0 && copied == 0) {
      // EINVAL: no pipe among the two, or one of them cannot splice.
      if (errno != EINVAL || (flags & FUSE_BUF_FORCE_SPLICE)) return -errno;
      return copy_without_splice(to, from, size);
    }
    if (now <= 0) break;
    copied += static_cast<size_t>(now);
    if (!to.retries() && !from.retries()) break;
  }
  return static_cast<ssize_t>(copied);
}

ssize_t copy_piece(const Piece& to, const Piece& from, size_t size, int flags) {
  if (to.is_fd() && from.is_fd()) return copy_between_fds(to, from, size, flags);
  if (to.is_fd()) return transfer(Direction::to_fd, to, 0, from.memory(), size);
  if (from.is_fd()) return transfer(Direction::from_fd, from, 0, to.memory(), size);
  if (to.memory() != from.memory()) memmove(to.memory(), from.memory(), size);
  return static_cast<ssize_t>(size);
}

// The bytes left in the current buffer, after stepping over buffers that are used up; 0 at the end.
size_t settle(fuse_bufvec* vector) {
  while (vector->idx < vector->count) {
    const fuse_buf& current = vector->buf[vector->idx];
    if (vector->off < current.size) return current.size - vector->off;
    vector->idx++;
    vector->off = 0;
  }
  return 0;
}

}  // namespace

size_t buf_size(const fuse_bufvec& vector) {
  size_t sum = 0;
  for (size_t i = 0; i < vector.count; ++i) {
    if (__builtin_add_overflow(sum, vector.buf[i].size, &sum)) return SIZE_MAX;
  }
  return sum;
}

ssize_t buf_copy(fuse_bufvec* destination, fuse_bufvec* source, int flags) {
  if (destination == source) return static_cast<ssize_t>(buf_size(*destination));

  size_t copied = 0;
  for (;;) {
    const size_t size = std::min(settle(destination), settle(source));
    if (size == 0) break;
    const ssize_t now = copy_piece(Piece{destination->buf[destination->idx], destination->off},
                                   Piece{source->buf[source->idx], source->off}, size, flags);
    if (now < 0 && copied == 0) return now;
    if (now <= 0) break;
    copied += static_cast<size_t>(now);
    destination->off += static_cast<size_t>(now);
    source->off += static_cast<size_t>(now);
    settle(destination);
    settle(source);
    if (static_cast<size_t>(now) < size) break;
  }
  return static_cast<ssize_t>(copied);
}

}  // namespace fuse3
