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
#include "reconnect/seam/take_over_kept.h"
#include "reconnect/state_file.h"
#include "support/environment.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

bool is_there(int directory, const std::string& name) {
  return ::faccessat(directory, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

// A name of a socket may have been left behind.
bool nobody_answers(int error) {
  return error == ENOENT || error == ECONNREFUSED;
}

Result<void> complain(const MountFacts& facts, const std::string& why, int error) {
  log_error("fuse: cannot take over the filesystem at %s: %s", facts.path.c_str(), why.c_str());
  return Error{error};
}

Result<void> take_over_from_kernel(fuse_session& session, const MountFacts& facts,
                                   UniqueFd directory, std::string path, std::string why) {
  auto kept = take_kept(session, facts, directory.get(), &why);
  if (!kept) return complain(facts, why, kept.error());
  if (auto claimed = claim(*kept->state); !claimed) return claimed;
  kept->state->set_kernel_count({.servers = kept->servers, .perhaps_one_more = false});
  (void)kept->state->count_outage();
  go_on(session, std::move(kept->attached), std::move(kept->state), facts.path,
        std::move(directory), std::move(path));
  return {};
}

Result<void> take_over_connection(fuse_session& session, const MountFacts& facts,
                                  UniqueFd directory, std::string path) {
  std::string why;
  auto attached = HolderLink::attach(directory.get(), facts.connection, &why);
  if (!attached && nobody_answers(attached.error())) {
    return take_over_from_kernel(session, facts, std::move(directory), std::move(path),
                                 std::move(why));
  }
  if (!attached) return complain(facts, why, attached.error());
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
  if (!is_there(directory->get(), socket_name(facts.connection)) &&
      !is_there(directory->get(), state_name(facts.connection))) {
    return false;
  }
  const auto taken = take_over_connection(session, facts, std::move(*directory), std::move(path));
  if (taken) return true;
  // Names left behind by a mount that had this number before, or one that was given up.
  if (nobody_answers(taken.error()) || taken.error() == ENOTCONN) return false;
  return taken.as_error();
}

}  // namespace fuse3::reconnect
