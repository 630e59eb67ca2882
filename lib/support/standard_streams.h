// Descriptors 0 to 2 of a program that was started with some of them closed.
#pragma once

namespace fuse3 {

// Puts /dev/null where one is closed: a device or a directory that got such a number would be
// closed by daemonizing, and messages would be written into it. False after a message to the log.
bool open_standard_streams();

}  // namespace fuse3
