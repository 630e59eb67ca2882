#include "reconnect/seam/reconnect.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "mount/mount_facts.h"
#include "options/daemonize.h"
#include "reconnect/holder/holder.h"
#include "reconnect/seam/reconnect_seam.h"
#include "reconnect/state.h"
#include "reconnect/state_file.h"
#include "support/environment.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

// Around the largest request a slot's buffer has room for the reply that is stored behind it.
constexpr size_t kReplyRoom = 2 * kPage;

void use(fuse_session& session, std::unique_ptr<ReconnectSeam> seam) {
  session.seam = std::move(seam);
  set_daemonize_hook(ReconnectSeam::all_after_daemonize_fork);
}

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
      log(FUSE_LOG_WARNING, "fuse: fs.fuse.%s is %u s: the kernel ends this mount when a restart "
          "takes longer", name, seconds);
    }
    std::fclose(file);
  }
}

// The connection mounted there, if it is one whose state could be ours.
Result<MountFacts> connection_at(const char* mountpoint) {
  const MountFacts facts = find_mount(mountpoint);
  if (facts.error != 0) {
    log_error("fuse: %s: %s", mountpoint, std::strerror(facts.error));
    return Error{facts.error};
  }
  if (!facts.mounted || !facts.fuse) {
    log_error("fuse: %s is not the mountpoint of a FUSE filesystem", mountpoint);
    return Error{EINVAL};
  }
  if (facts.block_device) {
    log_error("fuse: %s is a blkdev mount, which cannot be taken over", mountpoint);
    return Error{ENOTSUP};
  }
  return facts;
}

// Of what has just been mounted. Somebody else has done it when the mountpoint is "/dev/fd/N": then
// only the kernel can say.
Result<unsigned> connection_of(fuse_session& session) {
  if (const auto number = connection_of_device(session.device(0))) return *number;
  if (session.mountpoint.compare(0, 8, "/dev/fd/") == 0) {
    log_error("fuse: this kernel does not say which connection %s is; reconnect needs a mountpoint "
              "to be named", session.mountpoint.c_str());
    return Error{ENOTSUP};
  }
  const auto facts = connection_at(session.mountpoint.c_str());
  if (!facts) return facts.as_error();
  return facts->connection;
}

bool has_keeper(int directory, unsigned connection) {
  const std::string name = std::to_string(connection) + ".sock";
  return ::faccessat(directory, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<std::unique_ptr<State>> open_and_claim(Attached& attached, unsigned connection) {
  std::string why;
  auto state = State::open(std::move(attached.state), &why);
  if (!state) {
    log_error("fuse: cannot take over connection %u: %s", connection, why.c_str());
    return state.as_error();
  }
  if ((*state)->connection() != connection || (*state)->owner() != ::getuid()) {
    log_error("fuse: cannot take over connection %u: the state is that of connection %u of user %u",
              connection, (*state)->connection(), static_cast<unsigned>((*state)->owner()));
    return Error{EPROTO};
  }
  if ((*state)->server_alive()) {
    log_error("fuse: connection %u is served by process %d", connection, (*state)->server().pid);
    return Error{EBUSY};
  }
  const auto generation = (*state)->claim((*state)->generation(), ::getpid());
  if (!generation) {
    log_error("fuse: another server was faster to take over connection %u", connection);
    return generation.as_error();
  }
  const auto recovered = (*state)->recover();
  if (!recovered) {
    log_error("fuse: the state of connection %u is damaged; it cannot be taken over", connection);
    return Error{EPROTO};
  }
  return state;
}

Result<void> take_over_connection(fuse_session& session, const MountFacts& facts,
                                  UniqueFd directory, std::string path) {
  std::string why;
  auto attached = HolderLink::attach(directory.get(), facts.connection, &why);
  if (!attached) {
    log_error("fuse: cannot take over the filesystem at %s: %s", facts.path.c_str(), why.c_str());
    return attached.as_error();
  }
  auto state = open_and_claim(*attached, facts.connection);
  if (!state) return state.as_error();
  const size_t buffer = (*state)->mapping().sections().slot_buffer_size;
  session.sizes.receive = buffer - kReplyRoom;
  session.devices = std::move(attached->devices);
  session.auto_unmount = std::move(attached->auto_unmount);
  session.mountpoint = facts.path;
  session.mounted = true;
  use(session, std::make_unique<ReconnectSeam>(session, std::move(*state),
                                               std::move(attached->link), std::move(directory),
                                               std::move(path), true, attached->previous_end));
  return {};
}

const char* option_dir(const fuse_session& session) {
  return session.options.reattach_dir.empty() ? nullptr : session.options.reattach_dir.c_str();
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
  auto link = HolderLink::start(setup);
  if (!link) {
    (void)remove_state(directory->get(), *connection);
    return link.as_error();
  }
  warn_of_request_timeout();
  use(session, std::make_unique<ReconnectSeam>(session, std::move(*state), std::move(*link),
                                               std::move(*directory), std::move(path), false));
  return {};
}

Result<void> take_over(fuse_session& session, const char* mountpoint) {
  if (!session.options.reattach) {
    log_error("fuse: taking a mount over needs reconnect: use -o reattach");
    return Error{ENOTSUP};
  }
  const auto facts = connection_at(mountpoint);
  if (!facts) return facts.as_error();
  std::string path;
  auto directory = open_runtime_dir(option_dir(session), &path);
  if (!directory) return directory.as_error();
  return take_over_connection(session, *facts, std::move(*directory), std::move(path));
}

Result<bool> take_over_assigned(fuse_session& session, const char* mountpoint) {
  const char* text = ::secure_getenv(kConnectionVariable);
  if (text == nullptr) return false;
  unsigned number = 0;
  unsigned ordinal = 0;
  char more = '\0';
  if (std::sscanf(text, "%u:%u%c", &number, &ordinal, &more) != 2) {
    log_error("fuse: %s names no connection: %s", kConnectionVariable, text);
    return Error{EINVAL};
  }
  if (ordinal != session.ordinal) return false;
  // It is about this one mount, and not about what this process or its children do later.
  ::unsetenv(kConnectionVariable);
  session.options.reattach = true;
  std::string path;
  auto directory = open_runtime_dir(option_dir(session), &path);
  if (!directory) return directory.as_error();
  MountFacts facts;
  facts.connection = number;
  facts.path = mountpoint;
  const auto taken =
      take_over_connection(session, facts, std::move(*directory), std::move(path));
  if (!taken) return taken.as_error();
  session.mountpoint = ReconnectSeam::of(session)->state().mountpoint();
  return true;
}

Result<bool> take_over_if_served_before(fuse_session& session, const char* mountpoint) {
  const MountFacts facts = find_mount(mountpoint);
  if (facts.error != 0 || !facts.mounted || !facts.fuse || facts.block_device) return false;
  std::string path;
  auto directory = open_runtime_dir(option_dir(session), &path);
  if (!directory) return directory.as_error();
  if (!has_keeper(directory->get(), facts.connection)) return false;
  const auto taken =
      take_over_connection(session, facts, std::move(*directory), std::move(path));
  if (taken) return true;
  // Nobody answers: a name left behind by a mount that had this number before.
  if (taken.error() == ENOENT || taken.error() == ECONNREFUSED) return false;
  return taken.as_error();
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
  const uint32_t room = figures.size;
  if (room < sizeof all.size) return Error{EINVAL};
  all.size = std::min<uint32_t>(room, sizeof all);
  std::memcpy(&figures, &all, all.size);
  return {};
}

}  // namespace fuse3::reconnect
