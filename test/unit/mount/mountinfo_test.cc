#include "mount/mountinfo.h"

#include <gtest/gtest.h>

namespace fuse3 {
namespace {

TEST(MountLine, Fuse) {
  const auto line = parse_mount_line(
      "36 35 0:45 / /home/a\\040b rw,nosuid,nodev shared:1 master:2 - fuse.ssh\\134fs host:/\\011x "
      "rw,user_id=1000,group_id=100,max_read=65536");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->id, 36u);
  EXPECT_EQ(line->major, 0u);
  EXPECT_EQ(line->minor, 45u);
  EXPECT_EQ(line->point, "/home/a b");
  EXPECT_EQ(line->fstype, "fuse.ssh\\fs");
  EXPECT_EQ(line->source, "host:/\tx");
  EXPECT_TRUE(line->fuse);
  EXPECT_FALSE(line->block_device);
  EXPECT_EQ(line->owner, 1000u);
  EXPECT_EQ(line->group, 100u);
}

TEST(MountLine, Others) {
  EXPECT_TRUE(parse_mount_line("1 1 8:1 / / rw - fuseblk /dev/x rw,user_id=5")->block_device);
  EXPECT_TRUE(parse_mount_line("1 1 8:1 / / rw - fuseblk.ntfs /dev/x rw")->fuse);
  for (const char* type : {"ext4", "fusectl", "fusex", "", "fus"}) {
    const auto line = parse_mount_line(std::string("1 1 8:1 / / rw - ") + type + " a rw,user_id=5");
    ASSERT_TRUE(line);
    EXPECT_FALSE(line->fuse) << type;
    EXPECT_EQ(line->owner, 0u);
  }
}

TEST(MountLine, WhatIsNone) {
  for (const char* text :
       {"", "1", "1 1 8:1 / / rw - fuse a", "1 1 8:1 / / rw shared:1 fuse a rw",
        "x 1 8:1 / / rw - fuse a rw", "1 1 8 / / rw - fuse a rw", "1 1 8:x / / rw - fuse a rw",
        "1 1 8:1 / / rw a b c -", "1 1 8:1 / / rw a b - c", "-1 1 8:1 / / rw - fuse a rw"}) {
    EXPECT_FALSE(parse_mount_line(text)) << text;
  }
}

TEST(MountLine, OwnMountsAreRead) {
  const auto mounts = read_mounts();
  ASSERT_TRUE(mounts);
  bool root = false;
  for (const MountLine& line : *mounts) root = root || line.point == "/";
  EXPECT_TRUE(root);
}

}  // namespace
}  // namespace fuse3
