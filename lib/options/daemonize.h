// Going into the background.
#pragma once

#include <sys/types.h>

namespace fuse3 {

// See fuse_daemonize().
int daemonize(bool foreground);

// What has to know that the server's process is another one from now on (a keeper watches a
// process) sets a hook; it runs in the child right after fork(), when the parent is still waiting.
using ForkHook = void (*)();
void set_daemonize_hook(ForkHook hook);

// The same in the parent, once the child is ready and no child of its any more; the child waits for
// it and for the parent's end.
using ParentHook = void (*)(pid_t child);
void set_daemonize_parent_hook(ParentHook hook);

}  // namespace fuse3
