// Taking a connection over that the kernel has kept: nobody has its device, and its state is found
// by its name. That it is this mount's is told by the number that the kernel gives to a mount once
// in its life.
#include "reconnect/seam/take_over_kept.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "mount/mount_identity.h"
#include "reconnect/holder/kernel_holder.h"
#include "reconnect/seam/claim.h"
#include "reconnect/seam/connection.h"
#include "reconnect/state_file.h"
#include "support/clock.h"

namespace fuse3::reconnect {
namespace {

// A server that was just killed is not yet dead, and who killed it may be quicker.
constexpr unsigned kDyingWithinMs = 2000;

Result<std::unique_ptr<State>> find_state(int directory, const MountFacts& mount, int place,
                                          std::string* why) {
  auto file = open_state(directory, mount.connection);
  if (!file) {
    *why = file.error() == ENOENT ? "no keeper answers, and there is no state of this mount"
                                  : "its state cannot be opened";
    return file.as_error();
  }
  auto state = open_state_of(std::move(*file), mount.connection);
  if (!state) {
    *why = "its state cannot be used";
    return state;
  }
  if (!asks_kernel_to_wait((*state)->init_reply())) {
    *why = "no keeper answers";
    return Error{ENOENT};
  }
  const MountIdentity identity = identify_mount(place);
  if (identity.minor != mount.connection || identity.id == 0 ||
      identity.id != (*state)->mount_id()) {
    *why = "the state of connection " + std::to_string(mount.connection) +
           " belongs to another mount; if that is gone, remove " + state_name(mount.connection) +
           " in the runtime directory";
    return Error{ESTALE};
  }
  return state;
}

Result<UniqueFd> attach_to(int place, const State& state, uint64_t* servers) {
  const auto counted = state.kernel_count();
  *servers = counted.servers;
  auto device = attach_device(place, *servers);
  if (device || device.error() != ESTALE || !counted.perhaps_one_more) return device;
  return attach_device(place, ++*servers);
}

std::string in_words(int error, const State& state) {
  switch (error) {
    case EBUSY:
      return "process " + std::to_string(state.server().pid) +
             ", or one that it started, is serving it";
    case ESTALE:
      return "another server than the one that left this state has served it since";
    case ENOTCONN:
      return "nobody took it over in time, or it was aborted; unmount it";
    case EPERM:
      return "it was mounted by another user, or in another user namespace";
    default:
      return std::strerror(error);
  }
}

}  // namespace

Result<Kept> take_kept(const fuse_session& session, const MountFacts& mount, int directory,
                       std::string* why) {
  const HolderChoice choice = session.options.reattach_holder;
  if (choice != HolderChoice::automatic && choice != HolderChoice::kernel) return Error{ENOENT};
  // First of all, while the working directory is still the one that the program was started in.
  std::optional<ServerImage> image;
  if (choice == HolderChoice::automatic) {
    auto captured = capture_server_image(mount.connection);
    if (!captured) return captured.as_error();
    image = std::move(*captured);
  }
  const UniqueFd place(::open(mount.path.c_str(), O_PATH | O_CLOEXEC));
  if (!place) return last_error();
  auto state = find_state(directory, mount, place.get(), why);
  if (!state) return state.as_error();
  uint64_t servers = 0;
  auto device = attach_to(place.get(), **state, &servers);
  for (unsigned waited = 0; !device && device.error() == EBUSY && waited < kDyingWithinMs;
       waited += 10) {
    pause_ms(10);
    device = attach_to(place.get(), **state, &servers);
  }
  if (!device) {
    *why = in_words(device.error(), **state);
    return device.as_error();
  }
  HolderSetup setup;
  setup.runtime_dir_fd = directory;
  setup.connection = mount.connection;
  setup.state_fd = (*state)->fd();
  Kept kept;
  kept.attached.holder = std::make_unique<KernelHolder>(setup, std::move(image));
  kept.attached.devices.push_back(std::move(*device));
  kept.state = std::move(*state);
  kept.servers = servers;
  return kept;
}

}  // namespace fuse3::reconnect
