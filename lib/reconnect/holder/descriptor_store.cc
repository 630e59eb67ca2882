#include "reconnect/holder/descriptor_store.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>

#include "reconnect/state_file.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

// Of one process: asking for room and taking it is one step.
std::mutex room_lock;

}  // namespace

DescriptorStore::DescriptorStore(NotifySocket socket, StoredMountKey key, int runtime_dir_fd,
                                 unsigned device_count, int state_fd)
    : socket_(std::move(socket)),
      key_(key),
      directory_(fcntl(runtime_dir_fd, F_DUPFD_CLOEXEC, 0)),
      state_(fcntl(state_fd, F_DUPFD_CLOEXEC, 0)),
      device_count_(device_count) {}

Result<std::unique_ptr<Holder>> DescriptorStore::start(NotifySocket socket,
                                                       const HolderSetup& setup, uint64_t nonce) {
  const StoredMountKey key{setup.connection, setup.ordinal, nonce};
  auto store = std::make_unique<DescriptorStore>(std::move(socket), key, setup.runtime_dir_fd, 0u,
                                                 setup.state_fd);
  // The device last: a successor that finds it finds the rest.
  Result<void> pushed = store->push(StoredName::Role::state, setup.state_fd);
  if (pushed && setup.auto_unmount_fd >= 0) {
    pushed = store->push(StoredName::Role::auto_unmount, setup.auto_unmount_fd);
  }
  for (unsigned i = 0; pushed && i < setup.devices.size(); ++i) {
    if (setup.devices[i] >= 0) pushed = store->add_device(i, setup.devices[i]);
  }
  if (pushed) return std::unique_ptr<Holder>(std::move(store));
  store->remove_all();
  return pushed.as_error();
}

// systemd closes what it has no room for. The probe goes by itself should this process die now: its
// other end is closed then, which systemd watches for.
Result<void> DescriptorStore::make_sure_of_room() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return last_error();
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const int probe = theirs.get();
  const std::string name = StoredName{key_, StoredName::Role::probe, 0}.text();
  Result<void> asked = socket_.send("FDSTORE=1\nFDNAME=" + name, std::span(&probe, 1));
  theirs.reset();
  if (asked) asked = socket_.barrier();
  if (!asked) return asked;
  pollfd kept{ours.get(), 0, 0};
  if (poll(&kept, 1, 0) != 0) return Error{EXFULL};
  return remove(StoredName::Role::probe);
}

// Without FDPOLL=0 the manager would wait on the device and be woken by every request.
Result<void> DescriptorStore::push(StoredName::Role role, int fd, unsigned device) {
  std::lock_guard guard(room_lock);
  if (auto room = make_sure_of_room(); !room) return room;
  const std::string name = StoredName{key_, role, device}.text();
  Result<void> sent =
      socket_.send("FDSTORE=1\nFDPOLL=0\nFDNAME=" + name, std::span<const int>(&fd, 1));
  return sent ? socket_.barrier() : sent;
}

Result<void> DescriptorStore::remove(StoredName::Role role, unsigned device) {
  return socket_.send("FDSTOREREMOVE=1\nFDNAME=" + StoredName{key_, role, device}.text());
}

Result<void> DescriptorStore::add_device(unsigned index, int fd) {
  std::lock_guard guard(mutex_);
  const Result<void> pushed = push(StoredName::Role::device, fd, index);
  if (pushed) {
    device_count_ = std::max(device_count_, index + 1);
  } else if (index > 0) {
    log_error(
        "fuse: systemd did not take another device into its descriptor store (%s); each "
        "worker with clone_fd needs one: raise FileDescriptorStoreMax= of the unit",
        pushed.error() == EXFULL ? "it is full" : strerror(pushed.error()));
  }
  return pushed;
}

void DescriptorStore::remove_all() {
  std::lock_guard guard(mutex_);
  for (unsigned i = 0; i < std::max(device_count_, 1u); ++i) {
    (void)remove(StoredName::Role::device, i).ok();
  }
  (void)remove(StoredName::Role::auto_unmount).ok();
  (void)remove(StoredName::Role::state).ok();
  // From here on the connection lives no longer than who else has its device.
  (void)socket_.barrier().ok();
}

// A server that cannot be asked serves all the same, and is killed at a restart.
Result<void> DescriptorStore::start_watch(Describe, std::function<void()> drain) {
  if (watch_) return Error{EALREADY};
  auto watch = DrainSignal::watch(std::move(drain));
  if (watch) {
    watch_ = *std::move(watch);
  } else {
    log(FUSE_LOG_WARNING, "fuse: a restart of this service will not wait for requests in hand: %s",
        strerror(watch.error()));
  }
  return {};
}

Result<void> DescriptorStore::drained(unsigned outstanding) {
  if (outstanding > 0 && watch_) watch_->again();
  return {};
}

Result<void> DescriptorStore::goodbye() {
  if (watch_) watch_->stop();
  remove_all();
  return remove_state_file(directory_.get(), key_.connection, state_.get());
}

}  // namespace fuse3::reconnect
