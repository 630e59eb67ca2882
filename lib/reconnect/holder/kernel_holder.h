// Nobody holds a connection whose kernel keeps it by itself (kernel/README.rst): it waits for the
// next server, which gets it by a call on a device of its own. Nobody starts that server either,
// unless a keeper is wanted for that.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "reconnect/holder/holder.h"
#include "reconnect/holder/holder_link.h"

namespace fuse3::reconnect {

// Whether the kernel can keep a connection; `device` is any open /dev/fuse. It is asked with a call
// that cannot succeed.
bool kernel_keeps_connections(int device);

// Whether a server that answered INIT with this has asked for that.
bool asks_kernel_to_wait(std::span<const std::byte> init_reply);

// A device for the connection of `mount`, a file of it (O_PATH will do), which `servers` have had.
// EBUSY: somebody has a device of it. ESTALE: another number of servers. ENOTCONN: it was given up.
// EOPNOTSUPP: it was mounted without. EPERM: another user's. ENOTTY: the kernel cannot.
Result<UniqueFd> attach_device(int mount, uint64_t servers);

class KernelHolder final : public Holder {
 public:
  // For the server that has mounted.
  explicit KernelHolder(const HolderSetup& setup) : KernelHolder(setup, false, {}) {}
  // For one that has attached. With `image`, a keeper that starts this program again is started
  // when it has taken over all that it has to. Until then there must be none: it would hand the
  // device to the next one, which would not know that the kernel has still to send requests again.
  KernelHolder(const HolderSetup& setup, std::optional<ServerImage> image)
      : KernelHolder(setup, true, std::move(image)) {}

  bool kernel_sends_again() const override { return attached_; }
  Result<void> hello(bool serving) override;
  Result<void> add_device(unsigned index, int fd) override;
  Result<void> serving() override;
  Result<void> drained(unsigned outstanding) override;
  Result<void> goodbye() override;
  void after_daemonize_fork() override {}
  Result<void> start_watch(Describe describe, std::function<void()> drain = {}) override;

 private:
  KernelHolder(const HolderSetup& setup, bool attached, std::optional<ServerImage> image);

  const UniqueFd directory_;
  const UniqueFd state_;
  const unsigned connection_;
  const bool attached_;
  std::optional<ServerImage> image_;
  std::unique_ptr<HolderLink> keeper_;  // made before the first request, and then there for good
};

}  // namespace fuse3::reconnect
