// Taking a connection over from a server that died.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "reconnect/holder/holder.h"
#include "reconnect/seam/connection.h"
#include "reconnect/seam/reconnect.h"
#include "reconnect/state_file.h"
#include "support/environment.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

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

}  // namespace

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
  const auto taken = take_over_connection(session, facts, std::move(*directory), std::move(path));
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
  const auto taken = take_over_connection(session, facts, std::move(*directory), std::move(path));
  if (taken) return true;
  // Nobody answers: a name left behind by a mount that had this number before.
  if (taken.error() == ENOENT || taken.error() == ECONNREFUSED) return false;
  return taken.as_error();
}

}  // namespace fuse3::reconnect
