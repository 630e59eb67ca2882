// Becoming another user, and nobody in particular.
#pragma once

#include <sys/types.h>

#include <string>

#include "support/result.h"

namespace fuse3::mount_helper {

struct User {
  std::string name;
  std::string home;
  uid_t user;
  gid_t group;
};

// By name, or by number. Says when there is none.
Result<User> find_user(const std::string& name);

// Takes the user's ids and groups. With `keep_capabilities` what root may do stays in effect, to
// mount with.
Result<void> become(const User& user, bool keep_capabilities);

// Gives up every capability, for good: no program run from here on gets one back, whether it is
// set-user-id, has file capabilities, or is run by root.
Result<void> give_up_everything();

}  // namespace fuse3::mount_helper
