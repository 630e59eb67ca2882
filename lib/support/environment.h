// Environment variables that parts of the library tell each other something by.
#pragma once

namespace fuse3 {

// In the environment of a server that a keeper starts: "CONNECTION:ORDINAL", the connection it is to
// take over, and in which of its calls of fuse_session_mount(). The mountpoint in its arguments may long
// be unmounted, moved or covered, while bind mounts and open files live on.
inline constexpr char kConnectionVariable[] = "FUSE_REATTACH_CONNECTION";

}  // namespace fuse3
