// fusermount3: mounts and unmounts FUSE filesystems for users. It is installed set-user-id root;
// privileges.h says what becomes of that.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "arguments.h"
#include "auto_unmount.h"
#include "configuration.h"
#include "handover.h"
#include "libfuse_config.h"
#include "mounting.h"
#include "support/log.h"

namespace {

using namespace fuse3;
using namespace fuse3::fusermount;

// Nothing that is opened here may be taken for one of the standard streams.
bool open_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) return false;
  }
  return true;
}

Result<void> check_limit(const Configuration& configuration, const Caller& self) {
  if (self.root() || !configuration.mount_max) return {};
  const Result<std::vector<MountLine>> mounts = read_mounts();
  if (!mounts) {
    log_error("fusermount3: cannot read /proc/self/mountinfo: %s\n", strerror(mounts.error()));
    return mounts.as_error();
  }
  if (count_users_mounts(*mounts) < *configuration.mount_max) return {};
  log_error(
      "fusermount3: users have as many FUSE mounts as %s allows (mount_max = %u); unmount one, or "
      "ask root to allow more\n",
      kConfigurationFile, *configuration.mount_max);
  return Error{EUSERS};
}

// Found by its path: a mount cannot be opened before it is there.
Result<OwnMount> what_was_mounted(const Mountpoint& mountpoint, const Caller& self) {
  return open_own_mount(mountpoint.path, self);
}

Result<void> hand_over(int socket, int device, const Mountpoint& mountpoint, const Caller& self) {
  const Result<void> sent = send_device(socket, device);
  if (sent) return {};
  log_error("fusermount3: cannot send the device: %s\n", strerror(sent.error()));
  const Result<OwnMount> mounted = what_was_mounted(mountpoint, self);
  if (mounted) (void)detach(*mounted).ok();
  return sent;
}

Result<void> mount_for_program(const Arguments& arguments, const Caller& self) {
  const Result<int> socket = find_socket(arguments.socket, getenv(kSocketVariable));
  if (!socket) return socket.as_error();
  const Configuration configuration = read_configuration(kConfigurationFile);
  const Result<Request> request = parse_request(arguments.options, self.root(), configuration);
  if (!request) return request.as_error();
  Result<Mountpoint> mountpoint = open_mountpoint(arguments.mountpoint, self);
  if (!mountpoint) return mountpoint.as_error();
  const Result<void> allowed = check_limit(configuration, self);
  if (!allowed) return allowed;
  Result<UniqueFd> device = open_device();
  if (!device) return device.as_error();

  const Result<void> mounted = mount_device(*request, *mountpoint, device->get(), self);
  if (!mounted) return mounted;
  // It would be in the way of an unmount of the filesystem below.
  mountpoint->place.reset();
  Remembered mounted_here;
  if (request->auto_unmount) {
    const Result<OwnMount> own = what_was_mounted(*mountpoint, self);
    if (!own) return own.as_error();
    mounted_here = Remembered::of(*own);
  }
  const Result<void> sent = hand_over(*socket, device->get(), *mountpoint, self);
  if (!sent) return sent;
  // From here on the mount lives for as long as the program's copy of the device.
  device->reset();
  if (request->auto_unmount) watch(*socket, mounted_here);
  return {};
}

Result<void> watch_mount(const Arguments& arguments, const Caller& self) {
  const Result<int> socket = find_socket(arguments.socket, getenv(kSocketVariable));
  if (!socket) return socket.as_error();
  Remembered mounted_here;
  {
    const Result<OwnMount> own = open_own_mount(arguments.mountpoint, self);
    if (!own) return own.as_error();
    mounted_here = Remembered::of(*own);
  }
  watch(*socket, mounted_here);
  return {};
}

Result<void> unmount_for_user(const Arguments& arguments, const Caller& self) {
  Result<OwnMount> own = open_own_mount(arguments.mountpoint, self);
  if (!own) return own.as_error();
  const Result<void> done = arguments.lazy ? detach(*own) : unmount(*std::move(own));
  if (done) return {};
  log_error("fusermount3: cannot unmount %s: %s%s\n", arguments.mountpoint.c_str(),
            strerror(done.error()),
            done.error() == EBUSY ? "; with -z it goes away when nobody uses it any more" : "");
  return done;
}

void say_nothing(fuse_log_level, const char*, va_list) {}

Result<void> run(const Arguments& arguments, const Caller& self) {
  if (arguments.quiet) set_log_function(say_nothing);
  switch (arguments.task) {
    case Task::kHelp:
      fputs(usage().c_str(), stdout);
      return {};
    case Task::kVersion:
      printf("fusermount3 version: %d.%d.%d\n", FUSE_MAJOR_VERSION, FUSE_MINOR_VERSION,
             FUSE_HOTFIX_VERSION);
      return {};
    case Task::kUnmount:
      return unmount_for_user(arguments, self);
    case Task::kWatch:
      return watch_mount(arguments, self);
    case Task::kMount:
      return mount_for_program(arguments, self);
  }
  return Error{EINVAL};
}

}  // namespace

int main(int argc, char** argv) {
  const Result<void> dropped = give_up_privileges();
  if (!dropped) {
    fprintf(stderr, "fusermount3: cannot give up privileges: %s\n", strerror(dropped.error()));
    return 1;
  }
  if (!open_standard_streams()) return 1;
  const Result<Arguments> arguments = parse_arguments(argc, argv);
  if (!arguments) return 1;
  return run(*arguments, caller()) ? 0 : 1;
}
