#include "mount/mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "mount/mountpoint_check.h"
#include "options/mountpoint.h"
#include "options/opt.h"
#include "support/log.h"

namespace fuse3 {
namespace {

constexpr char kDevice[] = "/dev/fuse";
constexpr unsigned kDeviceMajor = 10;
constexpr unsigned kDeviceMinor = 229;

Result<Mounted> adopt_device(const char* mountpoint, int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0) {
    const int error = errno;
    log_error("fuse: %s: descriptor %d is not open: %s\n", mountpoint, fd, strerror(error));
    return Error{error};
  }
  if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(kDeviceMajor, kDeviceMinor)) {
    log_error("fuse: %s: descriptor %d is not an open %s\n", mountpoint, fd, kDevice);
    return Error{EINVAL};
  }
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return last_error();
  Mounted mounted;
  mounted.path = mountpoint;
  mounted.device.reset(fd);
  return mounted;
}

// How an attempt without fusermount3 may fail.
struct Refusal {
  int error = 0;
  bool by_device = false;
  // Whether somebody with more rights might succeed.
  bool helpable() const { return error == EPERM || (by_device && error == EACCES); }
};

Result<UniqueFd> mount_directly(const MountPlace& place, const MountOptions& options,
                                Refusal* refusal) {
  UniqueFd device(open(kDevice, O_RDWR | O_CLOEXEC));
  if (!device) {
    *refusal = {errno, true};
    return Error{refusal->error};
  }
  const std::string data = options.kernel_data(device.get(), place.type);
  for (const bool with_subtype : {true, false}) {
    if (::mount(options.source(with_subtype).c_str(), place.path.c_str(),
                options.filesystem_type(with_subtype).c_str(), options.flags, data.c_str()) == 0) {
      return device;
    }
    *refusal = {errno, false};
    // ENODEV: a kernel that does not know subtypes.
    if (refusal->error != ENODEV || options.subtype.empty()) break;
  }
  return Error{refusal->error};
}

Error explain(const MountPlace& place, const MountOptions& options, const Refusal& refusal) {
  if (refusal.by_device) {
    const bool missing =
        refusal.error == ENOENT || refusal.error == ENODEV || refusal.error == ENXIO;
    log_error("fuse: cannot open %s: %s%s\n", kDevice, strerror(refusal.error),
              missing ? "; is the kernel module there (\"modprobe fuse\")?" : "");
  } else if (refusal.error == ENODEV) {
    log_error("fuse: this kernel does not know filesystems of type %s\n",
              options.filesystem_type(false).c_str());
  } else if (refusal.error == ENOTBLK || (options.blkdev && refusal.error == ENOENT)) {
    log_error("fuse: option `blkdev' needs a block device as fsname, not \"%s\"\n",
              options.source(true).c_str());
  } else {
    log_error("fuse: cannot mount on %s: %s\n", place.path.c_str(), strerror(refusal.error));
  }
  return Error{refusal.error};
}

}  // namespace

Result<Mounted> mount(const char* mountpoint, const MountOptions& options) {
  if (const std::optional<int> fd = parse_device_path(mountpoint)) {
    return adopt_device(mountpoint, *fd);
  }
  Result<MountPlace> place = check_mountpoint(mountpoint);
  if (!place) return place.as_error();

  if (!options.auto_unmount) {
    Refusal refusal;
    Result<UniqueFd> device = mount_directly(*place, options, &refusal);
    if (device) {
      Mounted mounted;
      mounted.path = place->path;
      mounted.device = *std::move(device);
      return mounted;
    }
    if (!refusal.helpable()) return explain(*place, options, refusal);
  }
  return mount_by_fusermount(fusermount_candidates(), place->path, options.fusermount_list(),
                             options.auto_unmount);
}

Result<UniqueFd> open_channel(const char* mountpoint, const char* option_list) {
  OwnedArgs args;
  if (opt_add_arg(args.get(), "") != 0 || opt_add_arg(args.get(), "-o") != 0 ||
      opt_add_arg(args.get(), option_list) != 0) {
    return Error{ENOMEM};
  }
  const Result<MountOptions> options = MountOptions::parse(args.get());
  if (!options) return options.as_error();
  if (options->auto_unmount) {
    // There would be nobody to hold what keeps the mount.
    log_error("fuse: option `auto_unmount' cannot be used when only a device is wanted\n");
    return Error{EINVAL};
  }
  Result<Mounted> mounted = mount(mountpoint, *options);
  if (!mounted) return mounted.as_error();
  return std::move(mounted->device);
}

}  // namespace fuse3
