// Going into the background.
#pragma once

namespace fuse3 {

// See fuse_daemonize().
int daemonize(bool foreground);

// What has to know that the server's process is another one from now on (a keeper watches a
// process) sets a hook; it runs in the child right after fork(), when the parent is still waiting.
using ForkHook = void (*)();
void set_daemonize_hook(ForkHook hook);

}  // namespace fuse3
