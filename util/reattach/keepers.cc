// Finding keepers: by the runtime directories that they have open.
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "failure.h"
#include "mounts.h"

namespace fuse3::reattach {
namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr std::string_view kSuffix = ".sock";

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

std::optional<unsigned> connection_in(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  return to_number(name.substr(0, name.size() - kSuffix.size()));
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
    for (const std::string& name : names_in(directory.get())) {
      const std::optional<unsigned> connection = connection_in(name);
      if (!connection) continue;
      found_.push_back({*connection, UniqueFd(fcntl(directory.get(), F_DUPFD_CLOEXEC, 0))});
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
  return std::move(search).found();
}

}  // namespace fuse3::reattach
