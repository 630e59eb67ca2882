#include "mounting.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "support/log.h"

namespace fuse3::fusermount {
namespace {

constexpr char kDevice[] = "/dev/fuse";

const char* hint(int error, const Request& request) {
  switch (error) {
    case EPERM:
      return "; fusermount3 has to be installed set-user-id root, and mounting has to be allowed "
             "here";
    case ENODEV:
      return "; this kernel does not know FUSE filesystems";
    case ENOTBLK:
    case ENOENT:
      return request.blkdev ? "; blkdev needs a block device as fsname" : "";
    default:
      return "";
  }
}

}  // namespace

Result<UniqueFd> open_device() {
  UniqueFd device(open(kDevice, O_RDWR | O_CLOEXEC));
  if (device) return device;
  const int error = errno;
  const bool missing = error == ENOENT || error == ENODEV || error == ENXIO;
  log_error("fusermount3: cannot open %s: %s%s\n", kDevice, strerror(error),
            missing ? "; is the kernel module there (\"modprobe fuse\")?" : "");
  return Error{error};
}

Result<void> mount_device(const Request& request, const Mountpoint& mountpoint, int device,
                          const Caller& caller) {
  const std::string target = handle_path(mountpoint.place.get());
  const std::string data = request.data(device, mountpoint.mode, caller.user, caller.group);
  int error = 0;
  {
    const Raised raised;
    if (::mount(request.source().c_str(), target.c_str(), request.filesystem_type().c_str(),
                request.flags, data.c_str()) != 0) {
      error = errno;
    }
  }
  if (error == 0) return {};
  log_error("fusermount3: cannot mount on %s: %s%s\n", mountpoint.path.c_str(), strerror(error),
            hint(error, request));
  return Error{error};
}

Result<void> detach(const OwnMount& mount) {
  const std::string target = handle_path(mount.place.get());
  const Raised raised;
  if (umount2(target.c_str(), MNT_DETACH) != 0) return last_error();
  return {};
}

Result<void> unmount(OwnMount mount) {
  // By its name in its folder, so that no symbolic link on the way can lead elsewhere.
  const std::string& point = mount.line.point;
  const size_t slash = point.rfind('/');
  if (slash == std::string::npos || slash + 1 == point.size()) return Error{EBUSY};
  const std::string name = point.substr(slash + 1);
  const UniqueFd folder(open(point.substr(0, slash + 1).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder || fchdir(folder.get()) != 0) return last_error();
  {
    const UniqueFd again(openat(folder.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!again) return last_error();
    const Result<unsigned> number = mount_number(again.get());
    if (!number || *number != mount.line.id) return Error{EBUSY};
  }
  mount.place.reset();
  const Raised raised;
  if (umount2(name.c_str(), UMOUNT_NOFOLLOW) != 0) return last_error();
  return {};
}

}  // namespace fuse3::fusermount
