// The supplementary groups of the process behind a request.
#pragma once

#include <sys/types.h>

namespace fuse3 {

// How many there are; the first `size` of them in `list`. A negative errno when they are not known
// (the process may be gone, or be in another pid namespace).
int supplementary_groups(pid_t pid, int size, gid_t list[]);

}  // namespace fuse3
