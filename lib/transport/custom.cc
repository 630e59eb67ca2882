#include "support/newer_fields.h"
#include "transport/transport.h"

namespace fuse3 {
namespace {

// Custom functions return a negative errno or follow the -1 and errno convention of the system
// calls they replace.
Error failure(ssize_t result) {
  if (result < -1) return Error{static_cast<int>(-result)};
  return Error{errno > 0 ? errno : EIO};
}

}  // namespace

Result<size_t> CustomTransport::receive(int device, std::span<std::byte> buffer) {
  errno = 0;
  const ssize_t got = io_.read(device, buffer.data(), buffer.size(), userdata_);
  if (got < 0) return failure(got);
  return static_cast<size_t>(got);
}

Result<void> CustomTransport::send(int device, const iovec* pieces, int count) {
  errno = 0;
  const ssize_t sent = io_.writev(device, const_cast<iovec*>(pieces), count, userdata_);
  if (sent < 0) return failure(sent);
  return {};
}

Result<size_t> CustomTransport::receive_to_pipe(int device, int pipe, size_t most) {
  if (io_.splice_receive == nullptr) return Error{ENOSYS};
  errno = 0;
  const ssize_t got = io_.splice_receive(device, nullptr, pipe, nullptr, most, 0, userdata_);
  if (got < 0) return failure(got);
  return static_cast<size_t>(got);
}

Result<void> CustomTransport::send_from_pipe(int device, int pipe, size_t size,
                                             unsigned splice_flags) {
  if (io_.splice_send == nullptr) return Error{ENOSYS};
  errno = 0;
  const ssize_t sent =
      io_.splice_send(pipe, nullptr, device, nullptr, size, splice_flags, userdata_);
  if (sent < 0) return failure(sent);
  return {};
}

Result<UniqueFd> CustomTransport::clone(int device) {
  int (*const clone_fd)(int) = FUSE3_FIELD_OR(io_, clone_fd, nullptr);
  if (clone_fd == nullptr) return Error{ENOSYS};
  errno = 0;
  const int fd = clone_fd(device);
  if (fd < 0) return failure(fd);
  return UniqueFd(fd);
}

}  // namespace fuse3
