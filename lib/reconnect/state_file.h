// Where the state lies in the file system.
#pragma once

#include <cstdint>
#include <string>

#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3::reconnect {

// Chooses the directory (`option_dir` if not null and not empty, else $RUNTIME_DIRECTORY, else
// /run/fuse-reconnect for root, else $XDG_RUNTIME_DIR/fuse-reconnect), makes it if it is not there,
// and opens it. EPERM, after a log line that says what to do: it is not ours alone. ENOENT: there
// is no such directory for this user.
Result<UniqueFd> open_runtime_dir(const char* option_dir, std::string* path_out);

struct StateFile {
  UniqueFd fd;
  bool in_memory = false;  // a memfd: it has no name, the holder passes it on
};

// An empty file `<connection>.state`. One that is there already was left by a connection that had
// the same number before, and goes.
Result<StateFile> create_state(int directory, uint32_t connection);
// The file as a predecessor left it. ENOENT: there is none (it may be a memfd with the holder).
Result<UniqueFd> open_state(int directory, uint32_t connection);
// Only if it is this one: another mount may have got the number meanwhile.
Result<void> remove_state_file(int directory, uint32_t connection, int state);
// Nothing there is fine.
Result<void> remove_state(int directory, uint32_t connection);

}  // namespace fuse3::reconnect
