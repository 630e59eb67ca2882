// Taking a connection over that systemd has kept for the service that this process is.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "mount/mount.h"
#include "options/mountpoint.h"
#include "reconnect/holder/descriptor_store.h"
#include "reconnect/holder/inherited.h"
#include "reconnect/seam/announce.h"
#include "reconnect/seam/claim.h"
#include "reconnect/seam/connection.h"
#include "reconnect/seam/reconnect.h"
#include "reconnect/seam/reconnect_seam.h"
#include "reconnect/state_file.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

bool connection_ended(const StoredMount& mount) {
  if (mount.devices.empty() || !mount.devices[0] || !mount.state) return true;
  pollfd device{mount.devices[0].get(), 0, 0};
  return ::poll(&device, 1, 0) == 1;
}

bool is_there(const StoredMount& mount, const MountFacts& there) {
  return there.error == 0 && there.fuse && !there.block_device &&
         there.connection == mount.key.connection;
}

struct Directory {
  UniqueFd fd;
  std::string path;
};

std::unique_ptr<Holder> store_of(const StoredMount& mount, const Directory& directory) {
  auto socket = NotifySocket::open();
  if (!socket) {
    log_error("fuse: systemd has passed descriptors on, but cannot be reached: %s",
              std::strerror(socket.error()));
    return nullptr;
  }
  return std::make_unique<DescriptorStore>(std::move(*socket), mount.key, directory.fd.get(),
                                           static_cast<unsigned>(mount.devices.size()),
                                           mount.state.get());
}

// What nobody can serve any more must not be left to wait: with the last descriptor the connection
// ends, and whoever waits for an answer gets an error.
void give_up(StoredMount mount, Holder& store, const MountFacts& there) {
  const int device = connection_ended(mount) ? -1 : mount.devices[0].get();
  const auto gone = store.goodbye();
  if (!gone) log_error("fuse: cannot empty systemd's store: %s", std::strerror(gone.error()));
  if (is_there(mount, there)) unmount(there.path.c_str(), device, {});
}

std::optional<StoredMount> find(fuse_session& session, const MountFacts& there,
                                const Directory& directory) {
  while (auto dead = take_inherited(connection_ended)) {
    auto store = store_of(*dead, directory);
    if (store) give_up(std::move(*dead), *store, there);
  }
  // As long as it is mounted where it was, that says it best. A program that had mounted before it
  // mounted this one may not have done so this time.
  auto found = take_inherited([&](const StoredMount& mount) { return is_there(mount, there); });
  if (found) return found;
  return take_inherited(
      [&](const StoredMount& mount) { return mount.key.ordinal == session.ordinal; });
}

// A mount that is not in its place any more (its bind mounts and open files may well live on) is
// still what this call is about if it was made by the same words.
bool is_meant(const StoredMount& stored, const State& state, const MountFacts& there,
              const char* mountpoint) {
  if (is_there(stored, there)) return true;
  const auto path = resolve_mountpoint(mountpoint);
  return path && *path == state.mountpoint();
}

Result<bool> take(fuse_session& session, StoredMount stored, const MountFacts& there,
                  Directory directory, const char* mountpoint) {
  auto store = store_of(stored, directory);
  if (!store) return Error{EPROTO};
  auto state = open_state_of(UniqueFd(::fcntl(stored.state.get(), F_DUPFD_CLOEXEC, 0)),
                             stored.key.connection);
  if (state && (*state)->nonce() != stored.key.nonce) {
    log_error(
        "fuse: cannot take over connection %u: the state in systemd's store is another mount's",
        stored.key.connection);
    state = Error{EPROTO};
  }
  if (state && !is_meant(stored, **state, there, mountpoint)) {
    log_error(
        "fuse: systemd keeps the filesystem at %s for this service, which is to serve %s now. "
        "Stop the service before it gets another mountpoint.",
        std::string((*state)->mountpoint()).c_str(), mountpoint);
    return Error{EBUSY};
  }
  const std::string path(state ? (*state)->mountpoint() : std::string_view(there.path));
  const Result<void> claimed = state ? claim(**state) : Result<void>(state.as_error());
  if (!claimed && claimed.error() != EPROTO) return claimed.as_error();
  const uint64_t seconds = claimed ? (*state)->count_outage() : 0;
  if (!claimed || seconds >= session.options.reattach_timeout) {
    log_error("fuse: the filesystem at %s is given up and mounted anew: %s", path.c_str(),
              claimed ? "no server could go on with it within reattach_timeout"
                      : "its state cannot be used");
    if (session.options.reattach_notify) find_service_manager();
    announce("given up " + path);
    give_up(std::move(stored), *store, there);
    return false;
  }
  Attached attached;
  attached.holder = std::move(store);
  attached.devices = std::move(stored.devices);
  attached.auto_unmount = std::move(stored.auto_unmount);
  go_on(session, std::move(attached), std::move(*state), path, std::move(directory.fd),
        std::move(directory.path));
  return true;
}

}  // namespace

Result<bool> take_over_stored(fuse_session& session, const char* mountpoint) {
  // Most processes have got nothing, and must not need a runtime directory for that.
  if (!has_inherited()) return false;
  Directory directory;
  auto opened = open_runtime_dir(option_dir(session), &directory.path);
  if (!opened) return opened.as_error();
  directory.fd = std::move(*opened);
  const MountFacts there = find_mount(mountpoint);
  auto stored = find(session, there, directory);
  if (!stored) return false;
  session.options.reattach = true;
  return take(session, std::move(*stored), there, std::move(directory), mountpoint);
}

}  // namespace fuse3::reconnect
