// Finding keepers: by the runtime directories that they have open.
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "failure.h"
#include "mounts.h"

namespace fuse3::reattach {
namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr std::string_view kSocketSuffix = ".sock";
constexpr std::string_view kStateSuffix = ".state";

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

std::vector<std::string> names_in(int directory) {
  std::vector<std::string> names;
  std::unique_ptr<DIR, CloseDirectory> stream(fdopendir(openat(directory, ".", kOpenDirectory)));
  if (!stream) return names;
  while (const dirent* entry = readdir(stream.get())) names.emplace_back(entry->d_name);
  return names;
}

std::optional<unsigned> connection_in(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  return to_number(name.substr(0, name.size() - suffix.size()));
}

class Search {
 public:
  Search() {
    if (Result<std::vector<MountLine>> mounts = read_mounts()) mounts_ = *std::move(mounts);
  }

  // Each directory counts once. Whoever may write to it could put anything there, so it has to be
  // its owner's alone, and the caller's or, for root, anybody's.
  void look_into(UniqueFd directory) {
    struct stat facts;
    if (!directory || fstat(directory.get(), &facts) != 0) return;
    if ((facts.st_mode & 077) != 0 || (facts.st_uid != geteuid() && geteuid() != 0)) return;
    if (!seen_.insert({facts.st_dev, facts.st_ino}).second) return;
    std::map<unsigned, bool> connections;  // whether there is a socket
    for (const std::string& name : names_in(directory.get())) {
      if (const auto number = connection_in(name, kSocketSuffix)) connections[*number] = true;
      if (const auto number = connection_in(name, kStateSuffix)) connections.try_emplace(*number);
    }
    for (const auto& [number, has_socket] : connections) {
      found_.push_back({number, UniqueFd(fcntl(directory.get(), F_DUPFD_CLOEXEC, 0)), has_socket});
    }
  }

  // Services have their directories there, and while none of their processes runs this is all that
  // tells.
  void look_below(const char* folder) {
    UniqueFd names(open(folder, kOpenDirectory));
    if (!names) return;
    for (const std::string& name : names_in(names.get())) {
      if (name == "." || name == "..") continue;
      const UniqueFd place(openat(names.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      if (!place || !is_safe_directory(place.get())) continue;
      look_into(UniqueFd(openat(place.get(), ".", kOpenDirectory)));
      look_into(UniqueFd(openat(place.get(), "fuse-reconnect", kOpenDirectory | O_NOFOLLOW)));
    }
  }

  void look_at_process(const std::string& pid) {
    const std::string path = "/proc/" + pid;
    const Result<std::string> name = read_whole((path + "/comm").c_str());
    if (!name || *name != "fuse-keeper\n") return;
    UniqueFd descriptors(open((path + "/fd").c_str(), kOpenDirectory));
    if (!descriptors) return;  // somebody else's
    for (const std::string& number : names_in(descriptors.get())) {
      // The link leads to the directory itself, whatever its name is by now.
      const UniqueFd place(openat(descriptors.get(), number.c_str(), O_PATH | O_CLOEXEC));
      if (!place || !is_safe_directory(place.get())) continue;
      look_into(UniqueFd(openat(place.get(), ".", kOpenDirectory)));
    }
  }

  std::vector<KeeperPlace> found() && { return std::move(found_); }

 private:
  // A keeper has its server's working directory open as well. Where that is on a filesystem whose
  // server is dead, opening it would wait; this question does not.
  bool is_safe_directory(int place) const {
    struct statx facts {};
    if (statx(place, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &facts) != 0) return false;
    return S_ISDIR(facts.stx_mode) &&
           std::none_of(mounts_.begin(), mounts_.end(), [&](const MountLine& mount) {
             return mount.fuse && mount.major == facts.stx_dev_major &&
                    mount.minor == facts.stx_dev_minor;
           });
  }

  std::vector<MountLine> mounts_;
  std::set<std::pair<dev_t, ino_t>> seen_;
  std::vector<KeeperPlace> found_;
};

}  // namespace

std::vector<KeeperPlace> find_keepers(const std::string& more) {
  Search search;
  if (!more.empty()) {
    UniqueFd directory(open(more.c_str(), kOpenDirectory));
    if (!directory) {
      throw Failure(Exit::kFailed, "cannot look into " + more + ": " + strerror(errno));
    }
    search.look_into(std::move(directory));
  }
  UniqueFd processes(open("/proc", kOpenDirectory));
  for (const std::string& name : names_in(processes.get())) {
    if (to_number(name)) search.look_at_process(name);
  }
  if (geteuid() == 0) search.look_below("/run");
  if (const char* own = getenv("XDG_RUNTIME_DIR")) search.look_below(own);
  return std::move(search).found();
}

}  // namespace fuse3::reattach
