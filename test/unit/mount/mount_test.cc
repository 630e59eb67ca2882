// Mounting and unmounting for real.
#include "mount/mount.h"

#include <grp.h>
#include <linux/loop.h>
#include <linux/major.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include <fstream>
#include <sstream>

#include "mount/mountpoint_check.h"
#include "raw_server.h"

namespace fuse3 {
namespace {

constexpr char kFusermount[] = "/usr/bin/fusermount3";

// The fields of the topmost mount's line in mountinfo, from the options on.
std::string mount_line(const std::string& directory) {
  std::ifstream file("/proc/self/mountinfo");
  std::string found;
  for (std::string line; std::getline(file, line);) {
    const size_t at = line.find(" " + directory + " ");
    if (at != std::string::npos) found = line.substr(at + directory.size() + 2);
  }
  return found;
}

class Mount : public FuseTest {
 protected:
  bool gone() { return !find_mount(directory.c_str()).mounted; }
  bool gone_soon() {
    for (int i = 0; i < 500 && !gone(); ++i) sleep_ms(10);
    return gone();
  }
  void need_fusermount() {
    if (access(kFusermount, X_OK) != 0) GTEST_SKIP() << "needs " << kFusermount;
  }
};

TEST_F(Mount, AsRoot) {
  MountOptions options;
  options.fsname = "na,me";
  options.subtype = "sub";
  options.flags |= MS_NOEXEC | MS_NOATIME;
  options.max_read = 65536;
  options.allow_other = true;
  Result<Mounted> mounted = mount((directory + "/./").c_str(), options);
  ASSERT_TRUE(mounted) << messages();
  EXPECT_EQ(mounted->path, directory);
  EXPECT_FALSE(mounted->auto_unmount);
  EXPECT_TRUE(fcntl(mounted->device.get(), F_GETFD) & FD_CLOEXEC);

  const MountFacts facts = find_mount(directory.c_str());
  EXPECT_TRUE(facts.fuse);
  EXPECT_EQ(facts.fstype, "fuse.sub");
  EXPECT_EQ(facts.source, "na,me");
  const std::string line = mount_line(directory);
  for (const char* word :
       {"nosuid", "nodev", "noexec", "noatime", "allow_other", "max_read=65536"}) {
    EXPECT_NE(line.find(word), std::string::npos) << word << " in " << line;
  }
  ASSERT_NO_FATAL_FAILURE(start_server(mounted->device.get()));
  EXPECT_TRUE(unmount(directory.c_str(), mounted->device.get()));
  EXPECT_TRUE(gone());
  EXPECT_EQ(messages(), "");
}

TEST_F(Mount, OnAFile) {
  ASSERT_EQ(rmdir(directory.c_str()), 0);
  UniqueFd file(open(directory.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  Result<Mounted> mounted = mount(directory.c_str(), MountOptions{});
  ASSERT_TRUE(mounted) << messages();
  ASSERT_NO_FATAL_FAILURE(start_server(mounted->device.get(), S_IFREG));
  struct stat status;
  ASSERT_EQ(stat(directory.c_str(), &status), 0);
  EXPECT_TRUE(S_ISREG(status.st_mode));
  EXPECT_TRUE(unmount(directory.c_str(), mounted->device.get()));
  EXPECT_TRUE(gone());
}

TEST_F(Mount, BadMountpointsAreNamed) {
  EXPECT_EQ(mount((directory + "/nowhere").c_str(), MountOptions{}).error(), ENOENT);
  EXPECT_NE(messages().find("does not exist"), std::string::npos) << messages();
  messages().clear();
  EXPECT_EQ(mount("/dev/null", MountOptions{}).error(), ENOTDIR);
  EXPECT_NE(messages().find("not a directory"), std::string::npos) << messages();
}

TEST_F(Mount, AStaleMountIsExplained) {
  ASSERT_NO_FATAL_FAILURE(mount_raw());
  device.reset();
  EXPECT_EQ(mount(directory.c_str(), MountOptions{}).error(), ENOTCONN);
  EXPECT_NE(messages().find("fusermount3 -u -z " + directory), std::string::npos) << messages();
}

TEST_F(Mount, AMountThatDoesNotAnswerIsExplained) {
  ASSERT_NO_FATAL_FAILURE(mount_raw());
  EXPECT_EQ(within(15000,
                   [this] {
                     return mount(directory.c_str(), MountOptions{}).error() == ETIMEDOUT &&
                                    messages().find("does not answer") != std::string::npos
                                ? 0
                                : 1;
                   }),
            0);
}

TEST_F(Mount, OverALivingMount) {
  ASSERT_NO_FATAL_FAILURE(mount_raw());
  ASSERT_NO_FATAL_FAILURE(start_server(device.get()));
  const unsigned below = find_mount(directory.c_str()).connection;
  Result<Mounted> mounted = mount(directory.c_str(), MountOptions{});
  ASSERT_TRUE(mounted) << messages();
  EXPECT_NE(find_mount(directory.c_str()).connection, below);
  EXPECT_TRUE(unmount(directory.c_str(), mounted->device.get()));
  EXPECT_EQ(find_mount(directory.c_str()).connection, below);
}

TEST_F(Mount, ADeviceSomebodyElseMounted) {
  ASSERT_NO_FATAL_FAILURE(mount_raw());
  const int passed = fcntl(device.get(), F_DUPFD, 0);
  const std::string path = "/dev/fd/" + std::to_string(passed);
  Result<Mounted> mounted = mount(path.c_str(), MountOptions{});
  ASSERT_TRUE(mounted) << messages();
  EXPECT_EQ(mounted->device.get(), passed);
  EXPECT_EQ(mounted->path, path);
  EXPECT_TRUE(fcntl(passed, F_GETFD) & FD_CLOEXEC);
  EXPECT_TRUE(unmount(path.c_str(), passed));
  EXPECT_FALSE(gone());
}

TEST_F(Mount, WhatIsNoDevice) {
  const UniqueFd null_device(open("/dev/null", O_RDWR | O_CLOEXEC));
  const std::string path = "/dev/fd/" + std::to_string(null_device.get());
  EXPECT_EQ(mount(path.c_str(), MountOptions{}).error(), EINVAL);
  EXPECT_NE(messages().find("/dev/fuse"), std::string::npos) << messages();
  EXPECT_EQ(mount("/dev/fd/1000", MountOptions{}).error(), EBADF);
}

TEST_F(Mount, UnmountingWhatIsGone) {
  Result<Mounted> mounted = mount(directory.c_str(), MountOptions{});
  ASSERT_TRUE(mounted);
  ASSERT_EQ(umount2(directory.c_str(), MNT_DETACH), 0);
  EXPECT_TRUE(unmount(directory.c_str(), mounted->device.get()));
  EXPECT_EQ(messages(), "");
}

TEST_F(Mount, UnmountingLeavesOthersAlone) {
  Result<Mounted> mounted = mount(directory.c_str(), MountOptions{});
  ASSERT_TRUE(mounted);
  ASSERT_EQ(::mount("above", directory.c_str(), "tmpfs", 0, nullptr), 0);
  EXPECT_TRUE(unmount(directory.c_str(), mounted->device.get()));
  EXPECT_EQ(find_mount(directory.c_str()).fstype, "tmpfs");
}

TEST_F(Mount, UnmountingKnowsItsOwnConnection) {
  Result<Mounted> mounted = mount(directory.c_str(), MountOptions{});
  ASSERT_TRUE(mounted);
  if (!connection_of_device(mounted->device.get())) GTEST_SKIP() << "this kernel does not tell";
  ASSERT_NO_FATAL_FAILURE(start_server(mounted->device.get()));
  ASSERT_NO_FATAL_FAILURE(mount_raw());
  const unsigned above = find_mount(directory.c_str()).connection;
  EXPECT_TRUE(unmount(directory.c_str(), mounted->device.get()));
  EXPECT_EQ(find_mount(directory.c_str()).connection, above);

  // An aborted mount is still ours.
  abort_connection(above);
  EXPECT_TRUE(unmount(directory.c_str(), device.get()));
  EXPECT_NE(find_mount(directory.c_str()).connection, above);
}

TEST_F(Mount, UnmountingDoesNotWaitForAServer) {
  Result<Mounted> mounted = mount(directory.c_str(), MountOptions{});
  ASSERT_TRUE(mounted);
  expect_that_asking_blocks();
  EXPECT_EQ(within(2000, [&] { return unmount(directory.c_str(), mounted->device.get()) ? 0 : 1; }),
            0);
  EXPECT_TRUE(gone());
}

TEST_F(Mount, OpenChannel) {
  Result<UniqueFd> channel = open_channel(directory.c_str(), "fsname=chan,subtype=nel,ro");
  ASSERT_TRUE(channel) << messages();
  EXPECT_EQ(find_mount(directory.c_str()).source, "chan");
  EXPECT_EQ(find_mount(directory.c_str()).fstype, "fuse.nel");
  EXPECT_NE(mount_line(directory).find("ro,"), std::string::npos);
  EXPECT_EQ(open_channel(directory.c_str(), "auto_unmount").error(), EINVAL);
  EXPECT_EQ(open_channel(directory.c_str(), "fd=1").error(), EINVAL);
}

TEST_F(Mount, AutoUnmount) {
  ASSERT_NO_FATAL_FAILURE(need_fusermount());
  if (IsSkipped()) return;
  MountOptions options;
  options.auto_unmount = true;
  options.fsname = "a,b\\c";
  options.subtype = "auto";
  Result<Mounted> mounted = mount(directory.c_str(), options);
  ASSERT_TRUE(mounted) << messages();
  EXPECT_TRUE(mounted->auto_unmount);
  EXPECT_TRUE(fcntl(mounted->device.get(), F_GETFD) & FD_CLOEXEC);
  EXPECT_TRUE(fcntl(mounted->auto_unmount.get(), F_GETFD) & FD_CLOEXEC);
  EXPECT_EQ(find_mount(directory.c_str()).fstype, "fuse.auto");
  EXPECT_EQ(find_mount(directory.c_str()).source, "a,b\\c");
  // Nothing is left for us to wait for, now or later.
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
  // Once the filesystem is gone, so is the mount.
  mounted->device.reset();
  mounted->auto_unmount.reset();
  EXPECT_TRUE(gone_soon());
}

// A place in which everybody may open /dev/fuse, seen by this process only.
bool open_device_to_all(const std::string& base) {
  if (unshare(CLONE_NEWNS) != 0) return false;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  if (::mount("dev", base.c_str(), "tmpfs", 0, nullptr) != 0) return false;
  const std::string node = base + "/fuse";
  if (mknod(node.c_str(), S_IFCHR | 0666, makedev(10, 229)) != 0) return false;
  if (chmod(node.c_str(), 0666) != 0) return false;
  return ::mount(node.c_str(), "/dev/fuse", nullptr, MS_BIND, nullptr) == 0;
}

TEST_F(Mount, AsAUser) {
  ASSERT_NO_FATAL_FAILURE(need_fusermount());
  if (IsSkipped()) return;
  const std::string base = directory.substr(0, directory.rfind('/'));
  const int result = within(15000, [&] {
    if (!open_device_to_all(base)) return 77;
    if (mkdir(directory.c_str(), 0755) != 0) return 77;
    if (chown(directory.c_str(), 65534, 65534) != 0) return 77;
    if (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0) return 77;

    MountOptions options;
    options.subtype = "user";
    Result<Mounted> mounted = mount(directory.c_str(), options);
    if (!mounted) return 1;
    if (!(fcntl(mounted->device.get(), F_GETFD) & FD_CLOEXEC)) return 2;
    const MountFacts facts = find_mount(directory.c_str());
    if (!facts.fuse || facts.owner != 65534 || facts.fstype != "fuse.user") return 3;
    if (waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD) return 4;
    if (!unmount(directory.c_str(), mounted->device.get())) return 5;
    return find_mount(directory.c_str()).mounted ? 6 : 0;
  });
  if (result == 77) GTEST_SKIP() << "cannot make a place where users may open /dev/fuse";
  EXPECT_EQ(result, 0) << messages();
}

// A loop device over a small file that has no name, under a device node of its own: a container has
// none of the machine's.
class LoopDevice {
 public:
  explicit LoopDevice(const std::string& base) : path_(base + "/loop") {
    const std::string image = base + "/image", control_path = base + "/loop-control";
    const UniqueFd file(open(image.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    unlink(image.c_str());
    if (!file || ftruncate(file.get(), 1 << 20) != 0) return;
    mknod(control_path.c_str(), S_IFCHR | 0600, makedev(10, 237));
    const UniqueFd control(open(control_path.c_str(), O_RDWR | O_CLOEXEC));
    unlink(control_path.c_str());
    // Somebody else may take the free one first.
    for (int i = 0; control && i < 20 && !device_; ++i) {
      const int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
      if (number < 0) return;
      mknod(path_.c_str(), S_IFBLK | 0600, makedev(LOOP_MAJOR, static_cast<unsigned>(number)));
      device_.reset(open(path_.c_str(), O_RDWR | O_CLOEXEC));
      if (device_ && ioctl(device_.get(), LOOP_SET_FD, file.get()) == 0) return;
      device_.reset();
      unlink(path_.c_str());
    }
  }
  ~LoopDevice() {
    if (device_) ioctl(device_.get(), LOOP_CLR_FD);
    unlink(path_.c_str());
  }
  explicit operator bool() const { return static_cast<bool>(device_); }
  const std::string& path() const { return path_; }
  const UniqueFd& device() const { return device_; }

 private:
  std::string path_;
  UniqueFd device_;
};

TEST_F(Mount, BlockDevice) {
  // Any block device serves: only its name is of interest to the kernel.
  const LoopDevice loop(directory.substr(0, directory.rfind('/')));
  if (!loop) GTEST_SKIP() << "needs a loop device";

  // In a child, since it would wait for ever if the device stayed open with nobody serving it.
  EXPECT_EQ(within(10000,
                   [&] {
                     MountOptions options;
                     options.blkdev = true;
                     options.fsname = loop.path();
                     Result<Mounted> mounted = mount(directory.c_str(), options);
                     if (!mounted) return 1;
                     const UniqueFd clone(fcntl(mounted->device.get(), F_DUPFD_CLOEXEC, 0));
                     const MountFacts facts = find_mount(directory.c_str());
                     if (!facts.block_device || facts.fstype != "fuseblk") return 2;
                     // Only a connection that is up gets the request that nobody answers.
                     start_server(mounted->device.get());
                     stop_server();
                     if (!unmount(directory.c_str(), mounted->device.get(), {&clone, 1})) return 3;
                     return gone() ? 0 : 4;
                   }),
            0);
  // The kernel names this connection after the block device, in its own way of writing the number.
  struct stat status;
  ASSERT_EQ(fstat(loop.device().get(), &status), 0);
  abort_connection(major(status.st_rdev) << 20 | minor(status.st_rdev));
}

TEST_F(Mount, FusermountThatIsNotThere) {
  const Result<Mounted> mounted =
      mount_by_fusermount({"/does/not/exist", "/dev/null/x"}, directory, "", false);
  EXPECT_EQ(mounted.error(), ENOENT);
  EXPECT_NE(messages().find("fusermount3"), std::string::npos) << messages();
  EXPECT_EQ(mount_by_fusermount({"/does/not/exist"}, directory, "", true).error(), ENOENT);
  EXPECT_EQ(unmount_by_fusermount({"/does/not/exist"}, directory).error(), ENOENT);
}

TEST_F(Mount, FusermountThatFails) {
  for (const char* program : {"/bin/false", "/bin/true"}) {
    for (const bool auto_unmount : {false, true}) {
      EXPECT_EQ(mount_by_fusermount({program}, directory, "", auto_unmount).error(), EPERM);
    }
  }
  EXPECT_EQ(unmount_by_fusermount({"/bin/false"}, directory).error(), EPERM);
  EXPECT_TRUE(unmount_by_fusermount({"/bin/true"}, directory));
}

int inherited_descriptors() {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += fcntl(fd, F_GETFD) == 0;
  return count;
}

TEST_F(Mount, WhatFusermountIsTold) {
  const std::string base = directory.substr(0, directory.rfind('/'));
  const std::string script = base + "/script";
  const std::string told = base + "/told";
  {
    std::ofstream out(script);
    out << "#!/bin/sh\nfor word; do echo \"$word\"; done > " << told
        << "\n[ -e /proc/self/fd/$_FUSE_COMMFD ] && echo socket >> " << told
        << "\nset -- /proc/$$/fd/*\necho $# >> " << told << "\nexit 1\n";
  }
  ASSERT_EQ(chmod(script.c_str(), 0755), 0);
  setenv("_FUSE_COMMFD", "999", 1);
  EXPECT_EQ(mount_by_fusermount({script}, "-strange path", "a,b=c d", false).error(), EPERM);
  unsetenv("_FUSE_COMMFD");
  std::stringstream content;
  content << std::ifstream(told).rdbuf();
  const std::string words = content.str();
  // What we were given ourselves, the socket, the script's own text, and the directory it lists.
  const std::string expected = "-o\na,b=c d\n--\n-strange path\nsocket\n" +
                               std::to_string(inherited_descriptors() + 3) + "\n";
  EXPECT_EQ(words, expected);
  unlink(script.c_str());
  unlink(told.c_str());
}

TEST(FusermountCandidates, InstalledPlaceThenAbsolutePath) {
  const char* before = getenv("PATH");
  const std::string saved = before ? before : "";
  setenv("PATH", "/a:relative::/b:", 1);
  const std::vector<std::string> candidates = fusermount_candidates();
  setenv("PATH", saved.c_str(), 1);
  ASSERT_EQ(candidates.size(), 3u);
  EXPECT_EQ(candidates[0].front(), '/');
  EXPECT_EQ(candidates[1], "/a/fusermount3");
  EXPECT_EQ(candidates[2], "/b/fusermount3");
}

TEST(FusermountCandidates, ChosenByTheEnvironment) {
  setenv("FUSERMOUNT_PROG", "/somewhere/else", 1);
  EXPECT_EQ(fusermount_candidates(), std::vector<std::string>{"/somewhere/else"});
  setenv("FUSERMOUNT_PROG", "relative", 1);
  EXPECT_EQ(fusermount_candidates().front().front(), '/');
  EXPECT_NE(fusermount_candidates().front(), "relative");
  unsetenv("FUSERMOUNT_PROG");
}

}  // namespace
}  // namespace fuse3
