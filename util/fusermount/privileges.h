// What this process may do, over time. It is started with root's rights by anybody; it gives all of
// them up at once but the one to mount, and that one is in effect only while a mount or an unmount
// is under way.
#pragma once

#include <sys/types.h>

#include "support/result.h"

namespace fuse3::fusermount {

struct Caller {
  uid_t user;
  gid_t group;
  bool root() const { return user == 0; }
};

Caller caller();

// The first thing to be called. Afterwards every id is the caller's, CAP_SYS_ADMIN is permitted but
// not in effect, nothing else is permitted, and no program that is started could get more. For root
// nothing changes: there is nobody to be protected from.
Result<void> give_up_privileges();

// CAP_SYS_ADMIN is in effect for as long as this lives. When the program was not installed
// set-user-id, that does nothing, and the kernel refuses what follows.
class Raised {
 public:
  Raised();
  ~Raised();
  Raised(const Raised&) = delete;
  Raised& operator=(const Raised&) = delete;
};

}  // namespace fuse3::fusermount
