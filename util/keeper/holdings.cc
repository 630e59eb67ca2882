#include "holdings.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "keeper_log.h"
#include "reconnect/holder/protocol.h"

namespace fuse3::keeper {

void Holdings::put_device(size_t index, UniqueFd device) {
  if (index >= devices_.size()) devices_.resize(index + 1);
  devices_[index] = std::move(device);
}

std::vector<int> Holdings::devices() const {
  std::vector<int> numbers;
  numbers.reserve(devices_.size());
  for (const UniqueFd& device : devices_) numbers.push_back(device.get());
  return numbers;
}

unsigned Holdings::device_count() const {
  unsigned count = 0;
  for (const UniqueFd& device : devices_) count += device ? 1 : 0;
  return count;
}

int Holdings::some_device() const {
  for (const UniqueFd& device : devices_) {
    if (device) return device.get();
  }
  return -1;
}

bool Holdings::mount_is_gone() const {
  pollfd device{some_device(), 0, 0};
  return poll(&device, 1, 0) == 1 && (device.revents & POLLERR) != 0;
}

void Holdings::note_socket() {
  struct stat facts;
  std::string name = reconnect::socket_name(connection);
  if (fstatat(directory.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return;
  socket_dev_ = facts.st_dev;
  socket_ino_ = facts.st_ino;
}

void Holdings::remove_files() const {
  struct stat facts, own;
  std::string socket = reconnect::socket_name(connection);
  if (fstatat(directory.get(), socket.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
      facts.st_dev == socket_dev_ && facts.st_ino == socket_ino_) {
    unlinkat(directory.get(), socket.c_str(), 0);
  }
  std::string name = reconnect::state_name(connection);
  if (fstat(state.get(), &own) == 0 &&
      fstatat(directory.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
      facts.st_dev == own.st_dev && facts.st_ino == own.st_ino) {
    unlinkat(directory.get(), name.c_str(), 0);
  }
}

void Holdings::abort_connection() {
  // Somebody else may have a device open, too: closing ours would not be enough then. The number is
  // still this mount's as long as the device answers.
  if (some_device() >= 0 && !mount_is_gone()) {
    std::string path = "/sys/fs/fuse/connections/" + std::to_string(connection) + "/abort";
    UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file && write(file.get(), "1", 1) != 1) {
      say(LOG_WARNING, "cannot abort the connection: %s", strerror(errno));
    }
  }
  devices_.clear();
  auto_unmount.reset();
}

}  // namespace fuse3::keeper
