// The input is a /proc/self/mountinfo.
#include <cstdint>
#include <string>
#include <vector>

#include "mounted.h"
#include "quiet.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fuse3;
  const std::string text(data, data + size);
  std::vector<MountLine> mounts;
  for (const std::string_view line : split(text, '\n')) {
    if (auto mount = parse_mount_line(line)) mounts.push_back(*std::move(mount));
  }
  size_t fuse_mounts = 0;
  for (const MountLine& mount : mounts) {
    fuse_mounts += mount.fuse;
    expect(!mount.block_device || mount.fuse);
    expect(mount.fuse || mount.owner == 0);
    expect(!mount.fuse || mount.fstype.starts_with("fuse"));
  }
  expect(fusermount::count_users_mounts(mounts) <= fuse_mounts);
  return 0;
}
