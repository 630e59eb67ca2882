#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "mount/mount.h"
#include "mount/mount_facts.h"
#include "options/mountpoint.h"
#include "support/log.h"

namespace fuse3 {
namespace {

// A device reports an error once its connection has ended: by umount, or by abort.
bool connection_ended(int device) {
  pollfd poll_device = {device, 0, 0};
  return poll(&poll_device, 1, 0) == 1 && (poll_device.revents & POLLERR);
}

enum class There { ours, other, nothing, unknown };

There what_is_there(const MountFacts& facts, int device) {
  if (facts.error == ENOENT || (facts.error == 0 && !facts.mounted)) return There::nothing;
  if (facts.error == 0 && !facts.fuse) return There::other;
  const std::optional<unsigned> connection = connection_of_device(device);
  if (facts.error != 0 || facts.block_device || !connection) return There::unknown;
  return facts.connection == *connection ? There::ours : There::other;
}

}  // namespace

bool replace_by_null(int descriptor) {
  const UniqueFd null_device(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (null_device && dup3(null_device.get(), descriptor, O_CLOEXEC) >= 0) return true;
  log_error("fuse: cannot put /dev/null in the place of the device: %s\n", strerror(errno));
  return false;
}

bool unmount(const char* mountpoint, int device, std::span<const UniqueFd> clones) {
  // Whoever passed the device on has mounted it, and unmounts it.
  if (parse_device_path(mountpoint)) return true;

  if (device >= 0) {
    const MountFacts facts = find_mount(mountpoint);
    const There there = what_is_there(facts, device);
    if (there == There::nothing) return true;
    if (there == There::other) {
      log(FUSE_LOG_WARNING, "fuse: %s is left alone, another filesystem is mounted there\n",
          mountpoint);
      return true;
    }
    // Where the kernel does not tell whose mount it is, an ended connection must be taken for an
    // unmounted one; a mount that was aborted is then left behind.
    if (there == There::unknown && connection_ended(device)) return true;
    if (facts.block_device) {
      (void)replace_by_null(device);
      for (const UniqueFd& clone : clones) (void)replace_by_null(clone.get());
    }
  }

  if (umount2(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return true;
  int error = errno;
  // Somebody was faster.
  if (error == EINVAL || error == ENOENT) return true;
  if (error == EPERM) {
    const Result<void> helped = unmount_by_fusermount(fusermount_candidates(), mountpoint);
    if (helped) return true;
    error = helped.error();
  }
  log_error("fuse: cannot unmount %s: %s\n", mountpoint, strerror(error));
  return false;
}

}  // namespace fuse3
