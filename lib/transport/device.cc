#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "transport/transport.h"
#include "wire/device.h"

namespace fuse3 {
namespace {

// A reply goes in one piece or not at all, except on devices that are not the kernel's. EBADF is what
// the session has put in the place of a device that it gave up.
Result<void> whole(ssize_t moved) {
  if (moved >= 0) return {};
  return errno == EBADF ? Error{ENODEV} : last_error();
}

}  // namespace

// The two calls of every request are made directly: libc's are cancellation points, for which it pays
// with two atomic operations each as soon as there is a second thread.

Result<size_t> DeviceTransport::receive(int device, std::span<std::byte> buffer) {
  const ssize_t got = ::syscall(SYS_read, device, buffer.data(), buffer.size());
  if (got < 0) return last_error();
  return static_cast<size_t>(got);
}

Result<void> DeviceTransport::send(int device, const iovec* pieces, int count) {
  return whole(::syscall(SYS_writev, device, pieces, count));
}

Result<size_t> DeviceTransport::receive_to_pipe(int device, int pipe, size_t most) {
  const ssize_t got = ::splice(device, nullptr, pipe, nullptr, most, 0);
  if (got < 0) return last_error();
  return static_cast<size_t>(got);
}

Result<void> DeviceTransport::send_from_pipe(int device, int pipe, size_t size,
                                             unsigned splice_flags) {
  return whole(::splice(pipe, nullptr, device, nullptr, size, splice_flags));
}

Result<UniqueFd> DeviceTransport::clone(int device) {
  UniqueFd fd(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!fd) return last_error();
  uint32_t master = static_cast<uint32_t>(device);
  if (::ioctl(fd.get(), wire::kDeviceClone, &master) != 0) return last_error();
  return fd;
}

}  // namespace fuse3
