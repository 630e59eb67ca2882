// Mounting and unmounting.
#pragma once

#include <span>

#include "mount/fusermount.h"
#include "mount/mount_options.h"
#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3 {

// Mounts a filesystem and gives the device to serve it on. As root, and wherever the kernel allows
// it, without help; else, and always for auto_unmount, through fusermount3. "/dev/fd/N" stands for
// a device somebody else has mounted and passed on; it becomes the caller's. Failures are explained
// in the log.
Result<Mounted> mount(const char* mountpoint, const MountOptions& options);

// Unmounts what was mounted with `device`, which stays the caller's, as `clones` do. When the mount
// is gone already, or another one is in its place, that is left alone. False after a message to the
// log.
//
// Unmounting a blkdev mount waits for the answer to a request, as long as any descriptor for the
// connection is open. So there, and only there, `device` and `clones` become descriptors of
// /dev/null; whoever else holds one must have let go before.
bool unmount(const char* mountpoint, int device, std::span<const UniqueFd> clones = {});

// Puts /dev/null in the place of a device. Unlike with close(), a late reply of another thread finds
// either the device or what takes no reply (EBADF), never a file that was opened meanwhile. False
// after a message to the log.
bool replace_by_null(int descriptor);

// For fuse_open_channel(): mounts with the options of an -o list, and nothing else.
Result<UniqueFd> open_channel(const char* mountpoint, const char* option_list);

}  // namespace fuse3
