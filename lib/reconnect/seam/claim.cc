#include "reconnect/seam/claim.h"

#include <unistd.h>

#include "reconnect/seam/connection.h"
#include "reconnect/seam/reconnect_seam.h"
#include "support/log.h"

namespace fuse3::reconnect {

Result<std::unique_ptr<State>> open_state_of(UniqueFd fd, unsigned connection) {
  std::string why;
  auto state = State::open(std::move(fd), &why);
  if (!state) {
    log_error("fuse: cannot take over connection %u: %s", connection, why.c_str());
    return state.as_error();
  }
  if ((*state)->connection() != connection || (*state)->owner() != ::getuid()) {
    log_error("fuse: cannot take over connection %u: the state is that of connection %u of user %u",
              connection, (*state)->connection(), static_cast<unsigned>((*state)->owner()));
    return Error{EPROTO};
  }
  return state;
}

Result<void> claim(State& state) {
  const unsigned connection = state.connection();
  // Who claims it after this is not the one that is found dead, and must not be overtaken.
  const Generation seen = state.generation();
  if (state.server_alive()) {
    log_error("fuse: connection %u is served by process %d", connection, state.server().pid);
    return Error{EBUSY};
  }
  const auto generation = state.claim(seen, ::getpid());
  if (!generation) {
    log_error("fuse: another server was faster to take over connection %u", connection);
    return generation.as_error();
  }
  if (state.recover()) return {};
  log_error("fuse: the state of connection %u is damaged; it cannot be taken over", connection);
  return Error{EPROTO};
}

void go_on(fuse_session& session, Attached attached, std::unique_ptr<State> state,
           std::string mountpoint, UniqueFd directory, std::string directory_path) {
  session.sizes.receive = state->mapping().sections().slot_buffer_size - kReplyRoom;
  session.devices = std::move(attached.devices);
  session.auto_unmount = std::move(attached.auto_unmount);
  session.mountpoint = std::move(mountpoint);
  session.mounted = true;
  session.owner = state->owner();
  use(session, std::make_unique<ReconnectSeam>(
                   session, std::move(state), std::move(attached.holder), std::move(directory),
                   std::move(directory_path), true, attached.previous_end));
}

}  // namespace fuse3::reconnect
