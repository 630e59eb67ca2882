// How bytes move between the kernel and the library. A transport knows nothing of what they mean,
// keeps no buffer and no pointer after a call returns, and may be used by any number of threads.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>

#include "fuse_lowlevel.h"
#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3 {

class Transport {
 public:
  virtual ~Transport() = default;

  // Waits for one request and stores it in `buffer`; how many bytes it has.
  // ENODEV: the mount is gone. EINTR: a signal came. ENOENT: the request was withdrawn; try again.
  virtual Result<size_t> receive(int device, std::span<std::byte> buffer) = 0;

  // Sends one whole message. ENOENT: nobody waits for it any more.
  virtual Result<void> send(int device, const iovec* pieces, int count) = 0;

  // The same through a pipe, without copying; ENOSYS where this transport cannot.
  virtual Result<size_t> receive_to_pipe(int device, int pipe, size_t most) = 0;
  virtual Result<void> send_from_pipe(int device, int pipe, size_t size, unsigned splice_flags) = 0;

  // Whether a thread may be cancelled at any instruction of receive() and receive_to_pipe().
  virtual bool cancellable_anywhere() const = 0;

  // Another descriptor of the same connection that can be read in parallel.
  virtual Result<UniqueFd> clone(int device) = 0;
};

// The kernel's device file.
class DeviceTransport final : public Transport {
 public:
  Result<size_t> receive(int device, std::span<std::byte> buffer) override;
  Result<void> send(int device, const iovec* pieces, int count) override;
  Result<size_t> receive_to_pipe(int device, int pipe, size_t most) override;
  Result<void> send_from_pipe(int device, int pipe, size_t size, unsigned splice_flags) override;
  bool cancellable_anywhere() const override { return true; }
  Result<UniqueFd> clone(int device) override;
};

// The functions a program gave to fuse_session_custom_io().
class CustomTransport final : public Transport {
 public:
  CustomTransport(const fuse_custom_io& io, void* userdata) : io_(io), userdata_(userdata) {}

  Result<size_t> receive(int device, std::span<std::byte> buffer) override;
  Result<void> send(int device, const iovec* pieces, int count) override;
  Result<size_t> receive_to_pipe(int device, int pipe, size_t most) override;
  Result<void> send_from_pipe(int device, int pipe, size_t size, unsigned splice_flags) override;
  bool cancellable_anywhere() const override { return false; }
  Result<UniqueFd> clone(int device) override;

 private:
  fuse_custom_io io_;
  void* userdata_;
};

}  // namespace fuse3
