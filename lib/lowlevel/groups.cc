#include "lowlevel/groups.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace fuse3 {

int supplementary_groups(pid_t pid, int size, gid_t list[]) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%lu/task/%lu/status", static_cast<unsigned long>(pid),
                static_cast<unsigned long>(pid));
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path, "re"), std::fclose);
  if (file == nullptr) return errno == ENOENT ? -ESRCH : -errno;
  constexpr char kKey[] = "Groups:";
  char* line = nullptr;
  size_t room = 0;
  int count = -EIO;
  while (::getline(&line, &room, file.get()) >= 0) {
    if (std::strncmp(line, kKey, sizeof kKey - 1) != 0) continue;
    count = 0;
    char* at = line + sizeof kKey - 1;
    for (char* end = nullptr;; at = end) {
      const unsigned long group = std::strtoul(at, &end, 10);
      if (end == at) break;
      if (count < size) list[count] = static_cast<gid_t>(group);
      ++count;
    }
    break;
  }
  std::free(line);
  return count;
}

}  // namespace fuse3
