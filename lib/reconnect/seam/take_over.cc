// Taking a connection over from a server that died.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "reconnect/holder/holder_link.h"
#include "reconnect/seam/claim.h"
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

Result<void> take_over_connection(fuse_session& session, const MountFacts& facts,
                                  UniqueFd directory, std::string path) {
  std::string why;
  auto attached = HolderLink::attach(directory.get(), facts.connection, &why);
  if (!attached) {
    log_error("fuse: cannot take over the filesystem at %s: %s", facts.path.c_str(), why.c_str());
    return attached.as_error();
  }
  auto state = open_state_of(std::move(attached->state), facts.connection);
  if (!state) return state.as_error();
  if (auto claimed = claim(**state); !claimed) return claimed;
  go_on(session, std::move(*attached), std::move(*state), facts.path, std::move(directory),
        std::move(path));
  return {};
}

}  // namespace

Result<void> take_over(fuse_session& session, const char* mountpoint) {
  if (!session.options.reattach) {
    log_error("fuse: taking a mount over needs reconnect: use -o reattach");
    return Error{ENOTSUP};
  }
  const auto stored = take_over_stored(session, mountpoint);
  if (!stored) return stored.as_error();
  if (*stored) return {};
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
