#include "mounted.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "messages.h"
#include "mountpoint.h"

namespace fuse3::fusermount {
namespace {

using MountedTest = Messages;

MountLine line(const std::string& device, const std::string& type, const std::string& owner) {
  return *parse_mount_line("20 1 " + device + " / /m rw - " + type + " src rw,user_id=" + owner +
                           ",group_id=0");
}

TEST_F(MountedTest, CountsWhatUsersMounted) {
  EXPECT_EQ(count_users_mounts({}), 0u);
  const std::vector<MountLine> mounts = {
      line("0:40", "fuse", "7"),     line("0:41", "fuse.sshfs", "8"), line("0:40", "fuse", "7"),
      line("0:42", "fuse", "0"),     line("0:43", "fusectl", "7"),    line("0:44", "tmpfs", "7"),
      line("8:1", "fuseblk.x", "7"),
  };
  EXPECT_EQ(count_users_mounts(mounts), 3u);
}

TEST_F(MountedTest, NumbersAreThoseOfMountinfo) {
  const Result<std::vector<MountLine>> mounts = read_mounts();
  ASSERT_TRUE(mounts);
  const UniqueFd root(open("/", O_PATH | O_CLOEXEC));
  const Result<unsigned> number = mount_number(root.get());
  ASSERT_TRUE(number) << number.error();
  EXPECT_TRUE(std::any_of(mounts->begin(), mounts->end(), [&](const MountLine& mount) {
    return mount.id == *number && mount.point == "/";
  }));
  EXPECT_EQ(mount_number(-1).error(), EBADF);
}

TEST_F(MountedTest, WhatIsNotMountedIsSaid) {
  const Caller root = {0, 0};
  EXPECT_EQ(open_own_mount("/does/not/exist", root).error(), ENOENT);
  EXPECT_TRUE(says("/does/not/exist"));
  EXPECT_FALSE(open_own_mount("/proc", root));
  EXPECT_TRUE(says("/proc"));
  // Inside of a mount, but not its root.
  EXPECT_FALSE(open_own_mount("/proc/sys", root));
  EXPECT_TRUE(says("no FUSE filesystem"));
  EXPECT_EQ(find_again(Remembered{}).error(), ENOENT);
}

}  // namespace
}  // namespace fuse3::fusermount
