#include "reconnect/holder/inherited.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>

namespace fuse3::reconnect {
namespace {

constexpr int kFirstListed = 3;

std::mutex inherited_lock;
bool collected = false;
std::vector<StoredMount> inherited;

// Empty when the descriptor is none, and when there is no room to put another in its place.
UniqueFd take(int number) {
  UniqueFd fd(::fcntl(number, F_DUPFD_CLOEXEC, 0));
  const UniqueFd null_device(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!fd || !null_device || ::dup3(null_device.get(), number, O_CLOEXEC) < 0) return UniqueFd();
  return fd;
}

void put(UniqueFd fd, const StoredName& name, StoredMount* mount) {
  switch (name.role) {
    case StoredName::Role::state:
      mount->state = std::move(fd);
      break;
    case StoredName::Role::auto_unmount:
      mount->auto_unmount = std::move(fd);
      break;
    case StoredName::Role::device:
      if (mount->devices.size() <= name.device) mount->devices.resize(name.device + 1);
      mount->devices[name.device] = std::move(fd);
      break;
    case StoredName::Role::probe:
      break;  // of a server that was killed while it asked
  }
}

// Only what is meant for this very process: a child that inherits the environment has none of it.
std::vector<StoredMount> collect_listed() {
  const char* pid = ::secure_getenv("LISTEN_PID");
  const char* count = ::secure_getenv("LISTEN_FDS");
  const char* names = ::secure_getenv("LISTEN_FDNAMES");
  if (pid == nullptr || count == nullptr || names == nullptr) return {};
  if (std::strtol(pid, nullptr, 10) != ::getpid()) return {};
  const std::string_view all(names);
  const auto named = 1 + std::count(all.begin(), all.end(), ':');
  if (std::strtol(count, nullptr, 10) != named) return {};
  return collect_inherited(kFirstListed, all);
}

void collect_once() {
  if (!collected) inherited = collect_listed();
  collected = true;
}

}  // namespace

std::vector<StoredMount> collect_inherited(int first, std::string_view names) {
  std::vector<StoredMount> mounts;
  for (int number = first;; ++number) {
    const size_t end = names.find(':');
    if (const auto name = StoredName::parse(names.substr(0, end))) {
      auto mount = std::find_if(mounts.begin(), mounts.end(),
                                [&](const StoredMount& known) { return known.key == name->mount; });
      if (mount == mounts.end()) {
        mount = mounts.insert(mount, StoredMount{});
        mount->key = name->mount;
      }
      put(take(number), *name, &*mount);
    }
    if (end == std::string_view::npos) return mounts;
    names.remove_prefix(end + 1);
  }
}

bool has_inherited() {
  std::lock_guard guard(inherited_lock);
  collect_once();
  return !inherited.empty();
}

std::optional<StoredMount> take_inherited(const std::function<bool(const StoredMount&)>& wanted) {
  std::lock_guard guard(inherited_lock);
  collect_once();
  const auto found = std::find_if(inherited.begin(), inherited.end(), wanted);
  if (found == inherited.end()) return std::nullopt;
  StoredMount mount = std::move(*found);
  inherited.erase(found);
  return mount;
}

}  // namespace fuse3::reconnect
