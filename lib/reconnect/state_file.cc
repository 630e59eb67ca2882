#include "reconnect/state_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "support/log.h"

namespace fuse3::reconnect {
namespace {

constexpr char kFolder[] = "fuse-reconnect";
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

struct FileName {
  char text[32];
  explicit FileName(uint32_t connection) {
    std::snprintf(text, sizeof text, "%u.state", connection);
  }
};

bool only_ours(int directory) {
  struct stat st;
  return ::fstat(directory, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == ::geteuid() &&
         (st.st_mode & 077) == 0;
}

Result<UniqueFd> open_private(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    const Error error = last_error();
    log_error("fuse: cannot make the directory %s for reconnect: %s\n", path.c_str(),
              std::strerror(error.number));
    return error;
  }
  UniqueFd directory(::open(path.c_str(), kOpenDirectory));
  if (!directory && errno != ELOOP && errno != ENOTDIR) {
    const Error error = last_error();
    log_error("fuse: cannot open the directory %s for reconnect: %s\n", path.c_str(),
              std::strerror(error.number));
    return error;
  }
  if (!directory || !only_ours(directory.get())) {
    log_error(
        "fuse: reconnect does not use %s: it must be a directory (no symbolic link) of mode "
        "0700 that belongs to user %u; run \"chmod 700\" on it, or name another one with the "
        "option reattach_dir=\n",
        path.c_str(), static_cast<unsigned>(::geteuid()));
    return Error{EPERM};
  }
  return directory;
}

// systemd makes a service's runtime directory for everybody to look into unless it is told not to.
std::string below_if_open_to_others(std::string path) {
  UniqueFd directory(::open(path.c_str(), kOpenDirectory));
  if (directory && !only_ours(directory.get())) path = path + "/" + kFolder;
  return path;
}

std::string choose(const char* option_dir) {
  if (option_dir && *option_dir) return option_dir;
  if (const char* runtime = ::secure_getenv("RUNTIME_DIRECTORY"); runtime && *runtime) {
    const std::string all = runtime;  // a list when the unit names several
    return below_if_open_to_others(all.substr(0, all.find(':')));
  }
  if (::geteuid() == 0) return std::string("/run/") + kFolder;
  if (const char* runtime = ::secure_getenv("XDG_RUNTIME_DIR"); runtime && *runtime) {
    return std::string(runtime) + "/" + kFolder;
  }
  return {};
}

bool on_tmpfs(int directory) {
  struct statfs st;
  return ::fstatfs(directory, &st) == 0 && (static_cast<unsigned long>(st.f_type) == TMPFS_MAGIC ||
                                            static_cast<unsigned long>(st.f_type) == RAMFS_MAGIC);
}

}  // namespace

Result<UniqueFd> open_runtime_dir(const char* option_dir, std::string* path_out) {
  const std::string path = choose(option_dir);
  if (path.empty()) {
    log_error(
        "fuse: reconnect has no directory: neither the option reattach_dir= nor "
        "RUNTIME_DIRECTORY nor XDG_RUNTIME_DIR is set\n");
    return Error{ENOENT};
  }
  auto directory = open_private(path);
  if (directory && path_out) *path_out = path;
  return directory;
}

Result<StateFile> create_state(int directory, uint32_t connection) {
  const FileName name(connection);
  if (!on_tmpfs(directory)) {
    // Mapping::create() gives it its size and seals it.
    UniqueFd fd(::memfd_create(name.text, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) return last_error();
    return StateFile{std::move(fd), true};
  }
  for (int attempt = 0; attempt < 3; ++attempt) {
    UniqueFd fd(
        ::openat(directory, name.text, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (fd) {
      // The umask may have taken bits away that we need.
      if (::fchmod(fd.get(), 0600) != 0) return last_error();
      return StateFile{std::move(fd), false};
    }
    if (errno != EEXIST) return last_error();
    if (auto ok = remove_state(directory, connection); !ok) return ok.as_error();
  }
  return Error{EEXIST};
}

Result<UniqueFd> open_state(int directory, uint32_t connection) {
  const FileName name(connection);
  UniqueFd fd(::openat(directory, name.text, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return last_error();
  struct stat st;
  if (::fstat(fd.get(), &st) != 0) return last_error();
  if (!S_ISREG(st.st_mode) || st.st_uid != ::geteuid() || (st.st_mode & 077) != 0) {
    log_error("fuse: the reconnect state %s is not a file of mode 0600 that belongs to user %u\n",
              name.text, static_cast<unsigned>(::geteuid()));
    return Error{EPERM};
  }
  return fd;
}

Result<void> remove_state_file(int directory, uint32_t connection, int state) {
  const FileName name(connection);
  struct stat own, there;
  if (::fstat(state, &own) != 0) return last_error();
  if (::fstatat(directory, name.text, &there, AT_SYMLINK_NOFOLLOW) != 0) return {};
  if (there.st_dev != own.st_dev || there.st_ino != own.st_ino) return {};
  return remove_state(directory, connection);
}

Result<void> remove_state(int directory, uint32_t connection) {
  const FileName name(connection);
  if (::unlinkat(directory, name.text, 0) != 0 && errno != ENOENT) return last_error();
  return {};
}

}  // namespace fuse3::reconnect
