// Switching reconnect on for what has just been mounted, and its figures.
#include "reconnect/seam/reconnect.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstring>
#include <string>

#include "mount/mount_identity.h"
#include "reconnect/holder/descriptor_store.h"
#include "reconnect/holder/holder_link.h"
#include "reconnect/holder/kernel_holder.h"
#include "reconnect/seam/connection.h"
#include "reconnect/seam/reconnect_seam.h"
#include "reconnect/state.h"
#include "reconnect/state_file.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

std::string executable() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<size_t>(length)) : std::string();
}

// The kernel ends requests that wait longer than this, and the whole connection with them.
void warn_of_request_timeout() {
  for (const char* name : {"default_request_timeout", "max_request_timeout"}) {
    const std::string path = std::string("/proc/sys/fs/fuse/") + name;
    FILE* file = std::fopen(path.c_str(), "re");
    if (file == nullptr) continue;
    unsigned seconds = 0;
    if (std::fscanf(file, "%u", &seconds) == 1 && seconds > 0) {
      log(FUSE_LOG_WARNING,
          "fuse: fs.fuse.%s is %u s: the kernel ends this mount when a restart "
          "takes longer",
          name, seconds);
    }
    std::fclose(file);
  }
}

Result<std::unique_ptr<State>> make_state(fuse_session& session, int directory,
                                          unsigned connection) {
  auto file = create_state(directory, connection);
  if (!file) return file.as_error();
  const std::string program = executable();
  StateParameters parameters;
  parameters.connection = connection;
  parameters.owner = ::getuid();
  parameters.executable = program;
  parameters.mountpoint = session.mountpoint;
  parameters.geometry.slot_buffer_size = static_cast<uint32_t>(session.sizes.receive + kReplyRoom);
  auto state = State::create(std::move(file->fd), parameters);
  if (!state) return state;
  if (auto claimed = (*state)->claim(Generation{0}, ::getpid()); !claimed) {
    return claimed.as_error();
  }
  if (auto added = (*state)->add_device(); !added) return added.as_error();
  // Without room for one request it would be no use, and now is the time to say so.
  auto slot = (*state)->slots().acquire();
  if (!slot) return slot.as_error();
  (*state)->slots().release(*slot);
  return state;
}

Result<std::unique_ptr<Holder>> start_keeper(const HolderSetup& setup) {
  auto link = HolderLink::start(setup);
  if (!link) return link.as_error();
  return std::unique_ptr<Holder>(std::move(*link));
}

Result<std::unique_ptr<Holder>> use_systemd(const HolderSetup& setup, const State& state) {
  if (!is_service_process()) return Error{ECHILD};
  auto socket = NotifySocket::open();
  if (!socket) return socket.as_error();
  return DescriptorStore::start(std::move(*socket), setup, state.nonce());
}

const char* store_problem(int error) {
  switch (error) {
    case ECHILD:
      return "systemd started another process, which started this one (a wrapper has to use exec)";
    case ENOENT:
      return "NOTIFY_SOCKET is not set, so this is not a service with Type=notify";
    case EXFULL:
      return "there is no room in it: set FileDescriptorStoreMax= in the unit";
    default:
      return std::strerror(error);
  }
}

// A kernel that keeps the connection by itself leaves to the next server to find the state; `why`
// not, if that is not possible here.
Result<void> prepare_for_kernel(fuse_session& session, const HolderSetup& setup, State& state,
                                std::string* why) {
  const auto impossible = [why](int error, std::string text) {
    *why = std::move(text);
    return Error{error};
  };
  if (!kernel_keeps_connections(session.device(0))) {
    return impossible(ENOTSUP,
                      "this kernel gives a connection up when its server dies (it lacks the "
                      "patches in kernel/); use reattach_holder=auto, which starts a keeper");
  }
  if (session.auto_unmount) {
    return impossible(EINVAL, "auto_unmount would unmount it when the server dies; leave that out");
  }
  const std::string name = state_name(setup.connection);
  if (::faccessat(setup.runtime_dir_fd, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
    return impossible(ENOTSUP, setup.runtime_dir +
                                   " is not on tmpfs, so the state would be lost with the server; "
                                   "name a directory on tmpfs with reattach_dir=");
  }
  const UniqueFd place(::open(session.mountpoint.c_str(), O_PATH | O_CLOEXEC));
  const MountIdentity identity = place ? identify_mount(place.get()) : MountIdentity{};
  if (identity.minor != setup.connection || identity.id == 0) {
    return impossible(ENOTSUP, "the mount cannot be told from others (it needs a mountpoint)");
  }
  state.set_mount_id(identity.id);
  return {};
}

// Where the kernel can wait, losing the keeper, too, loses nothing.
Result<std::unique_ptr<Holder>> start_keeper_and_kernel(fuse_session& session,
                                                        const HolderSetup& setup, State& state) {
  auto keeper = start_keeper(setup);
  std::string why;
  if (keeper && prepare_for_kernel(session, setup, state, &why)) {
    session.successor_timeout = session.options.reattach_timeout;
  }
  return keeper;
}

Result<std::unique_ptr<Holder>> use_kernel(fuse_session& session, const HolderSetup& setup,
                                           State& state) {
  std::string why;
  if (auto prepared = prepare_for_kernel(session, setup, state, &why); !prepared) {
    log_error("fuse: reattach_holder=kernel is not possible: %s", why.c_str());
    return prepared.as_error();
  }
  session.successor_timeout = session.options.reattach_timeout;
  return std::unique_ptr<Holder>(std::make_unique<KernelHolder>(setup));
}

// A unit whose administrator wants this has a descriptor store, which nothing has by default. What
// runs below another service's main process is not to use that one's.
Result<std::unique_ptr<Holder>> start_holder(fuse_session& session, const HolderSetup& setup,
                                             State& state) {
  const HolderChoice choice = session.options.reattach_holder;
  if (choice == HolderChoice::keeper) return start_keeper(setup);
  if (choice == HolderChoice::kernel) return use_kernel(session, setup, state);
  auto store = use_systemd(setup, state);
  if (store) return store;
  if (choice == HolderChoice::automatic) return start_keeper_and_kernel(session, setup, state);
  log_error("fuse: systemd's descriptor store cannot hold this mount: %s",
            store_problem(store.error()));
  return store;
}

}  // namespace

Result<void> start(fuse_session& session) {
  const auto connection = connection_of(session);
  if (!connection) return connection.as_error();
  std::string path;
  auto directory = open_runtime_dir(option_dir(session), &path);
  if (!directory) return directory.as_error();
  auto state = make_state(session, directory->get(), *connection);
  if (!state) {
    log_error("fuse: cannot make the reconnect state in %s: %s", path.c_str(),
              std::strerror(state.error()));
    (void)remove_state(directory->get(), *connection);
    return state.as_error();
  }
  HolderSetup setup;
  setup.runtime_dir_fd = directory->get();
  setup.runtime_dir = path;
  setup.connection = *connection;
  setup.ordinal = session.ordinal;
  setup.state_fd = (*state)->fd();
  setup.devices = {session.device(0)};
  setup.auto_unmount_fd = session.auto_unmount ? session.auto_unmount.get() : -1;
  setup.timeout_seconds = session.options.reattach_timeout;
  auto holder = start_holder(session, setup, **state);
  if (!holder) {
    (void)remove_state(directory->get(), *connection);
    return holder.as_error();
  }
  warn_of_request_timeout();
  use(session, std::make_unique<ReconnectSeam>(session, std::move(*state), std::move(*holder),
                                               std::move(*directory), std::move(path), false));
  return {};
}

Result<void> read_figures(fuse_session& session, fuse_reconnect_figures& figures) {
  ReconnectSeam* seam = ReconnectSeam::of(session);
  if (seam == nullptr) return Error{ENOTSUP};
  State& state = seam->state();
  fuse_reconnect_figures all{};
  all.generation = static_cast<uint32_t>(state.generation().value);
  all.incarnations = state.generation().value;
  all.nodes = state.nodes().count();
  all.handles = state.handles().count();
  all.replayed = state.figure(State::Figure::replayed);
  all.resent = state.figure(State::Figure::resent);
  all.poisoned = state.figure(State::Figure::poisoned);
  all.stale = state.figure(State::Figure::stale);
  all.last_recovery_ns = state.last_recovery_ns();
  all.kernel_resent = state.figure(State::Figure::kernel_resent);
  all.resend_unknown = state.figure(State::Figure::resend_unknown);
  all.resend_missing = state.figure(State::Figure::resend_missing);
  const uint32_t room = figures.size;
  if (room < sizeof all.size) return Error{EINVAL};
  all.size = std::min<uint32_t>(room, sizeof all);
  std::memcpy(&figures, &all, all.size);
  return {};
}

}  // namespace fuse3::reconnect
