// The place a filesystem is to be mounted on. It is opened once, as the user, and everything after
// that is about what was opened: a path that changes meanwhile changes nothing.
#pragma once

#include <sys/stat.h>

#include <string>

#include "privileges.h"
#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3::fusermount {

struct Mountpoint {
  UniqueFd place;  // O_PATH
  mode_t mode = 0;
  // Absolute and without symbolic links, at the moment it was opened.
  std::string path;
};

// For messages and for looking it up again, never for mounting.
Result<std::string> path_of(int place);
// A path that means what is open, wherever it has gone.
std::string handle_path(int place);

// Whether an ordinary user may mount on filesystems of this type (f_type of statfs(2)): those that
// hold users' files. In others, like proc, files mean something to other programs.
bool may_cover(unsigned long filesystem_type);

// Opens it and checks, for users, that they may write there and that it is not somebody else's
// sticky directory. Says what it refuses.
Result<Mountpoint> open_mountpoint(const std::string& path, const Caller& caller);

}  // namespace fuse3::fusermount
