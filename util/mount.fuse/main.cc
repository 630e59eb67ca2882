// mount.fuse3: what mount(8) runs for FUSE filesystems. It runs the filesystem's own program.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "arguments.h"
#include "identity.h"
#include "mount/mount.h"
#include "mount/mountinfo.h"
#include "options.h"
#include "support/log.h"

namespace {

using namespace fuse3;
using namespace fuse3::mount_helper;

// As mount(8) has them.
constexpr int kWrongUse = 1;
constexpr int kMountFailure = 32;

constexpr char kPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Looked for before anything is mounted or given up.
std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  for (const std::string_view folder : split(getenv("PATH"), ':')) {
    const std::string path = std::string(folder) + '/' + name;
    struct stat status;
    if (folder.starts_with('/') && stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
        access(path.c_str(), X_OK) == 0) {
      return path;
    }
  }
  return {};
}

Result<void> explained(const char* what, const Result<void>& result) {
  if (!result) log_error("mount.fuse3: %s: %s\n", what, strerror(result.error()));
  return result;
}

// The environment that start-up scripts forget.
void complete_environment(const User* user) {
  if (!getenv("PATH")) setenv("PATH", kPath, 1);
  if (user) {
    setenv("HOME", user->home.c_str(), 1);
  } else if (!getenv("HOME") && getuid() == 0) {
    setenv("HOME", "/root", 1);
  }
}

// Mounts here; the filesystem then gets the device by its number.
Result<std::string> mount_for(const Arguments& arguments, const Options& options) {
  const std::string list = for_mounting(options, arguments.type, arguments.source);
  Result<UniqueFd> device = open_channel(arguments.mountpoint.c_str(), list.c_str());
  if (!device) return device.as_error();
  if (fcntl(device->get(), F_SETFD, 0) != 0) return last_error();
  return "/dev/fd/" + std::to_string(device->release());
}

Result<void> prepare(const Arguments& arguments, const Options& options, const User* user,
                     std::string* mountpoint) {
  if (user) {
    const Result<void> became =
        explained("cannot become the user of setuid=", become(*user, options.drop_privileges));
    if (!became) return became;
  }
  if (!options.drop_privileges) return {};
  Result<std::string> mounted = mount_for(arguments, options);
  if (!mounted) return mounted.as_error();
  *mountpoint = *std::move(mounted);
  return explained("cannot give up privileges", give_up_everything());
}

int run(const std::string& program, std::vector<std::string> command, bool tell) {
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  if (tell) {
    fprintf(stderr, "mount.fuse3: running");
    for (const std::string& word : command) fprintf(stderr, " %s", word.c_str());
    fprintf(stderr, "\n");
  }
  execv(program.c_str(), argv.data());
  log_error("mount.fuse3: cannot run %s: %s\n", program.c_str(), strerror(errno));
  return kMountFailure;
}

int mount_it(const Arguments& arguments, const Options& options) {
  std::optional<User> user;
  if (!options.user.empty()) {
    Result<User> found = find_user(options.user);
    if (!found) return kWrongUse;
    user = *std::move(found);
  }
  const bool mounts_as_root = getuid() == 0 && (!user || options.drop_privileges);
  complete_environment(user ? &*user : nullptr);
  const std::string program = find_program(arguments.type);
  if (program.empty()) {
    log_error("mount.fuse3: there is no program \"%s\" in %s\n", arguments.type.c_str(),
              getenv("PATH"));
    return kMountFailure;
  }
  std::string mountpoint = arguments.mountpoint;
  if (!arguments.fake && !prepare(arguments, options, user ? &*user : nullptr, &mountpoint)) {
    return kMountFailure;
  }
  const std::string list = mounts_as_root ? with_device_options(options) : options.rest;
  if (arguments.fake) return 0;
  return run(program, command_for(arguments, mountpoint, list), arguments.verbose);
}

}  // namespace

int main(int argc, char** argv) {
  const Result<Arguments> arguments = parse_arguments(argc, argv);
  if (!arguments) return kWrongUse;
  if (arguments->help) {
    fputs(usage().c_str(), stdout);
    return 0;
  }
  const Result<Options> options = part_options(arguments->options);
  if (!options) return kWrongUse;
  return mount_it(*arguments, *options);
}
