#include "mount/mount_facts.h"

#include <sys/sysmacros.h>

#include "mount/mount_identity.h"
#include "options/cmdline.h"
#include "options/mountpoint.h"
#include "options/opt.h"
#include "raw_server.h"

namespace fuse3 {
namespace {

constexpr int kSoon = 2000;

TEST(MountFacts, WhatIsNoMount) {
  const MountFacts gone = find_mount("/does/not/exist");
  EXPECT_EQ(gone.error, ENOENT);
  EXPECT_FALSE(gone.mounted);

  // Inside a mount, but not its root.
  const MountFacts inside = find_mount("/proc/sys/../self/fd");
  EXPECT_EQ(inside.error, 0);
  EXPECT_FALSE(inside.mounted);
}

TEST(MountFacts, AMountIsTheSameByEachOfItsFiles) {
  const UniqueFd proc(open("/proc", O_PATH | O_CLOEXEC));
  const UniqueFd below(open("/proc/self", O_PATH | O_CLOEXEC));
  const UniqueFd other(open("/", O_PATH | O_CLOEXEC));
  const MountIdentity identity = identify_mount(proc.get());
  EXPECT_EQ(identity.id, identify_mount(below.get()).id);
  if (identity.id == 0) return;  // before 6.8
  EXPECT_NE(identity.id, identify_mount(other.get()).id);
  EXPECT_EQ(0u, identify_mount(-1).id);
}

TEST(MountFacts, WhatIsNotFuse) {
  const MountFacts proc = find_mount("/proc/./");
  EXPECT_EQ(proc.error, 0);
  EXPECT_TRUE(proc.mounted);
  EXPECT_FALSE(proc.fuse);
  EXPECT_EQ(proc.fstype, "proc");
  EXPECT_EQ(proc.path, "/proc");
}

class MountFactsFuse : public FuseTest {
 protected:
  // Everything that looks at a mountpoint, in a child, so that a hang is a failure and no more.
  void expect_found_at_once() {
    EXPECT_EQ(within(kSoon,
                     [this] {
                       const MountFacts facts = find_mount(directory.c_str());
                       return facts.error == 0 && facts.mounted && facts.fuse &&
                                      facts.fstype == "fuse.test" && facts.owner == 0
                                  ? 0
                                  : 1;
                     }),
              0);
    EXPECT_EQ(within(kSoon,
                     [this] {
                       const Result<std::string> path = resolve_mountpoint(directory.c_str());
                       return path && *path == directory ? 0 : 1;
                     }),
              0);
    EXPECT_EQ(within(kSoon,
                     [this] {
                       OwnedArgs args;
                       opt_add_arg(args.get(), "prog");
                       opt_add_arg(args.get(), (directory + "/").c_str());
                       fuse_cmdline_opts opts;
                       return parse_cmdline(args.get(), &opts) == 0 && opts.mountpoint == directory
                                  ? 0
                                  : 1;
                     }),
              0);
  }
};

TEST_F(MountFactsFuse, AServedMount) {
  ASSERT_NO_FATAL_FAILURE(mount_raw());
  ASSERT_NO_FATAL_FAILURE(start_server(device.get()));
  expect_found_at_once();

  struct stat status;
  ASSERT_EQ(stat(directory.c_str(), &status), 0);
  const MountFacts facts = find_mount(directory.c_str());
  EXPECT_EQ(facts.connection, minor(status.st_dev));
  EXPECT_EQ(facts.source, "raw");
  EXPECT_EQ(facts.subtype(), "test");
  EXPECT_EQ(facts.group, 0u);
  const auto told = connection_of_device(device.get());
  if (told) {
    EXPECT_EQ(*told, facts.connection);
  }
}

TEST_F(MountFactsFuse, StrangeNames) {
  ASSERT_NO_FATAL_FAILURE(mount_raw("a b#c\\d\te\nf\\040g", "fuse.x y"));
  const MountFacts facts = find_mount(directory.c_str());
  EXPECT_TRUE(facts.fuse);
  EXPECT_EQ(facts.source, "a b#c\\d\te\nf\\040g");
  EXPECT_EQ(facts.fstype, "fuse.x y");
}

TEST_F(MountFactsFuse, StrangePath) {
  const std::string base = directory.substr(0, directory.rfind('/'));
  ASSERT_EQ(rename(directory.c_str(), (base + "/a b\\c").c_str()), 0);
  directory = base + "/a b\\c";
  ASSERT_NO_FATAL_FAILURE(mount_raw());
  const MountFacts facts = find_mount(directory.c_str());
  EXPECT_TRUE(facts.fuse);
  EXPECT_EQ(facts.path, directory);
}

TEST_F(MountFactsFuse, AServerThatNeverReadInit) {
  ASSERT_NO_FATAL_FAILURE(mount_raw());
  expect_that_asking_blocks();
  expect_found_at_once();
}

TEST_F(MountFactsFuse, AStoppedServer) {
  ASSERT_NO_FATAL_FAILURE(mount_raw());
  ASSERT_NO_FATAL_FAILURE(start_server(device.get()));
  ASSERT_EQ(kill(server, SIGSTOP), 0);
  expect_that_asking_blocks();
  expect_found_at_once();
}

TEST_F(MountFactsFuse, AKilledServerWhoseDeviceIsHeld) {
  ASSERT_NO_FATAL_FAILURE(mount_raw());
  ASSERT_NO_FATAL_FAILURE(start_server(device.get()));
  stop_server();
  expect_that_asking_blocks();
  expect_found_at_once();
}

TEST_F(MountFactsFuse, AServerThatLeftNothingBehind) {
  ASSERT_NO_FATAL_FAILURE(mount_raw());
  ASSERT_NO_FATAL_FAILURE(start_server(device.get()));
  stop_server();
  device.reset();
  struct stat status;
  EXPECT_EQ(stat(directory.c_str(), &status), -1);
  EXPECT_EQ(errno, ENOTCONN);
  expect_found_at_once();
}

TEST_F(MountFactsFuse, SeenByAUserWhoMayNotUseTheMount) {
  ASSERT_NO_FATAL_FAILURE(mount_raw());
  ASSERT_NO_FATAL_FAILURE(start_server(device.get()));
  EXPECT_EQ(within(kSoon,
                   [this] {
                     if (setgid(65534) != 0 || setuid(65534) != 0) return 2;
                     struct stat status;
                     if (stat(directory.c_str(), &status) == 0) return 3;
                     const MountFacts facts = find_mount(directory.c_str());
                     return facts.mounted && facts.fuse && facts.owner == 0 ? 0 : 1;
                   }),
            0);
}

TEST_F(MountFactsFuse, TheTopmostMountCounts) {
  ASSERT_NO_FATAL_FAILURE(mount_raw());
  const unsigned below = find_mount(directory.c_str()).connection;
  ASSERT_EQ(::mount("above", directory.c_str(), "tmpfs", 0, nullptr), 0);
  MountFacts facts = find_mount(directory.c_str());
  EXPECT_TRUE(facts.mounted);
  EXPECT_FALSE(facts.fuse);
  EXPECT_EQ(facts.fstype, "tmpfs");
  ASSERT_EQ(umount2(directory.c_str(), MNT_DETACH), 0);
  facts = find_mount(directory.c_str());
  EXPECT_TRUE(facts.fuse);
  EXPECT_EQ(facts.connection, below);
}

TEST_F(MountFactsFuse, ADeviceThatIsNotMounted) {
  const UniqueFd unused(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(connection_of_device(unused.get()), std::nullopt);
  EXPECT_EQ(connection_of_device(-1), std::nullopt);
}

}  // namespace
}  // namespace fuse3
