#include "reconnect/holder/kernel_holder.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "reconnect/state_file.h"
#include "support/log.h"
#include "wire/device.h"
#include "wire/flags.h"
#include "wire/structs_out.h"

namespace fuse3::reconnect {

bool kernel_keeps_connections(int device) {
  // There is no such descriptor, which only who knows the call finds out.
  wire::Attach nothing{.fd = UINT32_MAX, .flags = 0, .generation = 0};
  return ioctl(device, wire::kDeviceAttach, &nothing) != 0 && errno == EBADF;
}

bool asks_kernel_to_wait(std::span<const std::byte> init_reply) {
  wire::InitOut reply{};
  if (init_reply.size() < sizeof reply) return false;
  memcpy(&reply, init_reply.data(), sizeof reply);
  return (wire::flags_of(reply) & wire::init_flag::successor) != 0;
}

Result<UniqueFd> attach_device(int mount, uint64_t servers) {
  UniqueFd device(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!device) return last_error();
  wire::Attach attach{.fd = static_cast<uint32_t>(mount), .flags = 0, .generation = servers};
  if (ioctl(device.get(), wire::kDeviceAttach, &attach) != 0) return last_error();
  return device;
}

KernelHolder::KernelHolder(const HolderSetup& setup, bool attached,
                           std::optional<ServerImage> image)
    : directory_(fcntl(setup.runtime_dir_fd, F_DUPFD_CLOEXEC, 0)),
      state_(fcntl(setup.state_fd, F_DUPFD_CLOEXEC, 0)),
      connection_(setup.connection),
      attached_(attached),
      image_(std::move(image)) {}

Result<void> KernelHolder::hello(bool serving) {
  return keeper_ ? keeper_->hello(serving) : Result<void>();
}

Result<void> KernelHolder::add_device(unsigned index, int fd) {
  return keeper_ ? keeper_->add_device(index, fd) : Result<void>();
}

Result<void> KernelHolder::serving() {
  return keeper_ ? keeper_->serving() : Result<void>();
}

Result<void> KernelHolder::drained(unsigned outstanding) {
  return keeper_ ? keeper_->drained(outstanding) : Result<void>();
}

Result<void> KernelHolder::goodbye() {
  if (keeper_) return keeper_->goodbye();
  return remove_state_file(directory_.get(), connection_, state_.get());
}

Result<void> KernelHolder::start_watch(Describe describe, std::function<void()> drain) {
  if (!image_) return {};
  auto link = HolderLink::start(describe(), std::move(*image_));
  image_.reset();
  if (!link) {
    log(FUSE_LOG_WARNING, "fuse: without a keeper nobody starts this server again when it dies");
    return {};
  }
  keeper_ = std::move(*link);
  return keeper_->start_watch(std::move(describe), std::move(drain));
}

}  // namespace fuse3::reconnect
