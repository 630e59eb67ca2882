// The socket to the program that wants the mount: the device goes there, and with auto_unmount its
// end says that the program has ended.
#pragma once

#include <optional>

#include "support/result.h"

namespace fuse3::fusermount {

inline constexpr char kSocketVariable[] = "_FUSE_COMMFD";

// The descriptor named by `given`, else by the environment variable's `value`. Says what is wrong
// with it; it has to be an open socket.
Result<int> find_socket(std::optional<int> given, const char* value);

// One byte with the device beside it.
Result<void> send_device(int socket, int device);

}  // namespace fuse3::fusermount
