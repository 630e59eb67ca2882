// What a successor does with what a holder gave it, whichever holder that is.
#pragma once

#include <memory>
#include <string>

#include "reconnect/holder/holder.h"
#include "reconnect/state.h"
#include "session/session.h"
#include "support/result.h"

namespace fuse3::reconnect {

// EPROTO: the state cannot be used, by nobody. EBUSY: somebody else serves. Errors are logged.
Result<std::unique_ptr<State>> open_state_of(UniqueFd fd, unsigned connection);
Result<void> claim(State& state);

// From now on the session is this connection's server. It still has to settle what the last one
// left.
void go_on(fuse_session& session, Attached attached, std::unique_ptr<State> state,
           std::string mountpoint, UniqueFd directory, std::string directory_path);

}  // namespace fuse3::reconnect
