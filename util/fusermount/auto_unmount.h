// With auto_unmount this process stays until the program that mounted has ended, and then takes the
// mount away if nobody serves it any more. While it cannot be told whether somebody does, it stays.
#pragma once

#include "mounted.h"

namespace fuse3::fusermount {

// Returns when there is nothing more to do. What is taken away is a mount of the same user that
// nobody serves, even where the numbers have come to mean another one. A duplicate of the socket's
// other end that somebody else holds, as the keeper of a reattachable mount does, keeps the mount
// for as long.
void watch(int socket, const Remembered& mounted);

}  // namespace fuse3::fusermount
