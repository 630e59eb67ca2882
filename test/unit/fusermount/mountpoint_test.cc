#include "mountpoint.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>

#include "messages.h"

namespace fuse3::fusermount {
namespace {

constexpr Caller kNobody = {65534, 65534};

class MountpointTest : public Messages {
 protected:
  void SetUp() override {
    Messages::SetUp();
    char base[] = "/tmp/fuse3-mountpoint-XXXXXX";
    ASSERT_NE(mkdtemp(base), nullptr);
    folder = base;
    chmod(base, 0755);
  }
  void TearDown() override {
    Messages::TearDown();
    for (const char* name : {"/dir", "/file", "/link"}) {
      if (rmdir((folder + name).c_str()) != 0) unlink((folder + name).c_str());
    }
    rmdir(folder.c_str());
  }

  std::string make_folder(mode_t mode, uid_t owner) {
    const std::string path = folder + "/dir";
    EXPECT_EQ(mkdir(path.c_str(), 0700), 0);
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    if (owner != geteuid()) {
      EXPECT_EQ(chown(path.c_str(), owner, owner), 0);
    }
    return path;
  }

  // The error it ends with, 255 for another message than expected, 0 for success.
  int as_nobody(const std::string& path, const std::string& part) {
    const pid_t child = fork();
    if (child == 0) {
      if (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0) _exit(254);
      const Result<Mountpoint> mountpoint = open_mountpoint(path, kNobody);
      _exit(said().find(part) == std::string::npos ? 255 : mountpoint.error());
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::string folder;
};

TEST_F(MountpointTest, TypesUsersMayCover) {
  constexpr unsigned long kYes[] = {EXT4_SUPER_MAGIC,      TMPFS_MAGIC,     BTRFS_SUPER_MAGIC,
                                    OVERLAYFS_SUPER_MAGIC, XFS_SUPER_MAGIC, NFS_SUPER_MAGIC,
                                    FUSE_SUPER_MAGIC,      F2FS_SUPER_MAGIC};
  for (const unsigned long type : kYes) EXPECT_TRUE(may_cover(type)) << type;
  constexpr unsigned long kNo[] = {PROC_SUPER_MAGIC, SYSFS_MAGIC,      CGROUP2_SUPER_MAGIC,
                                   DEBUGFS_MAGIC,    SECURITYFS_MAGIC, DEVPTS_SUPER_MAGIC,
                                   BPF_FS_MAGIC,     NSFS_MAGIC,       EFIVARFS_MAGIC};
  for (const unsigned long type : kNo) EXPECT_FALSE(may_cover(type)) << type;
  EXPECT_FALSE(may_cover(0));
}

TEST_F(MountpointTest, RootMountsAnywhere) {
  const std::string path = make_folder(0555, geteuid());
  const Result<Mountpoint> mountpoint = open_mountpoint(path + "/../dir/", {0, 0});
  ASSERT_TRUE(mountpoint) << said();
  EXPECT_EQ(mountpoint->path, path);
  EXPECT_EQ(mountpoint->mode, static_cast<mode_t>(S_IFDIR));
  EXPECT_EQ(open_mountpoint("/dev/null", {0, 0}).error(), ENOTDIR);
  EXPECT_TRUE(says("/dev/null"));
  EXPECT_EQ(open_mountpoint(path + "/none", {0, 0}).error(), ENOENT);
  EXPECT_TRUE(says("No such file"));
}

TEST_F(MountpointTest, UsersNeedToWrite) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string path = make_folder(0755, 65534);
  EXPECT_EQ(as_nobody(path, ""), 0);
  ASSERT_EQ(chown(path.c_str(), 0, 0), 0);
  EXPECT_EQ(as_nobody(path, "not writable"), EACCES);
  ASSERT_EQ(chmod(path.c_str(), 0777), 0);
  EXPECT_EQ(as_nobody(path, ""), 0);
  ASSERT_EQ(chmod(path.c_str(), 01777), 0);
  EXPECT_EQ(as_nobody(path, "sticky"), EPERM);
  ASSERT_EQ(chown(path.c_str(), 65534, 65534), 0);
  EXPECT_EQ(as_nobody(path, ""), 0);
}

TEST_F(MountpointTest, FilesAndLinks) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string file = folder + "/file";
  const std::string link = folder + "/link";
  ASSERT_GE(UniqueFd(open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644)).get(), 0);
  ASSERT_EQ(symlink(file.c_str(), link.c_str()), 0);
  EXPECT_EQ(as_nobody(file, "not writable"), EACCES);
  EXPECT_EQ(as_nobody(link, "not writable"), EACCES);
  ASSERT_EQ(chown(file.c_str(), 65534, 65534), 0);
  EXPECT_EQ(as_nobody(link, ""), 0);
  const Result<Mountpoint> mountpoint = open_mountpoint(link, {0, 0});
  ASSERT_TRUE(mountpoint) << said();
  EXPECT_EQ(mountpoint->path, file);
  EXPECT_EQ(mountpoint->mode, static_cast<mode_t>(S_IFREG));
}

}  // namespace
}  // namespace fuse3::fusermount
