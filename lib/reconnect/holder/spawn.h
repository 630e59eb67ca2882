// Finding the keeper program and starting it so that it is nobody's child (but init's, or that of a
// process that takes orphans in).
#pragma once

#include <string>

#include "reconnect/holder/server_image.h"
#include "support/result.h"

namespace fuse3::reconnect {

// The number under which the keeper finds its end of the link.
inline constexpr int kKeeperLinkFd = 3;

// $FUSE_KEEPER (not for set-user-id programs), else the one in this library's build tree, else the
// installed one. ENOENT: `tried` lists where none was found.
Result<std::string> find_keeper(std::string* tried);

// Starts `keeper` with `link` as its descriptor 3, the standard streams of this process, and the
// image's environment and arguments on its command line. The intermediate process is reaped here
// and raises no SIGCHLD, so that a program that waits for its own children sees nothing of this.
// Safe in a threaded process. That exec failed is only known from the link: a kRefused with
// kNotStarted.
Result<void> spawn_keeper(const std::string& keeper, const ServerImage& image, int link);

}  // namespace fuse3::reconnect
