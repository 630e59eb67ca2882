// What the keeper does with a device of the kernel: a mount whose INIT nobody ever answers.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "world.h"

namespace fuse3::reconnect::test {
namespace {

class RealMount : public ::testing::Test {
 protected:
  void SetUp() override {
    UniqueFd device(open("/dev/fuse", O_RDWR | O_CLOEXEC));
    char point[] = "/tmp/fuse-keeper-mount-XXXXXX";
    point_ = mkdtemp(point);
    std::string options =
        "fd=" + std::to_string(device.get()) + ",rootmode=40000,user_id=0,group_id=0";
    if (!device || geteuid() != 0 ||
        mount("keeper-test", point_.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
      GTEST_SKIP() << "cannot mount here";
    }
    mounted_ = true;
    world_ = std::make_unique<World>(connection_number());
    world_->use_device(std::move(device));
  }

  void TearDown() override {
    if (world_ && mounted_) {
      std::ofstream("/sys/fs/fuse/connections/" + std::to_string(world_->connection) + "/abort")
          << 1;
    }
    if (mounted_) umount2(point_.c_str(), MNT_DETACH);
    world_.reset();
    rmdir(point_.c_str());
  }

  // stat(2) would wait for the server.
  unsigned connection_number() {
    std::ifstream table("/proc/self/mountinfo");
    std::string line;
    while (std::getline(table, line)) {
      std::istringstream words(line);
      std::string id, parent, number, root, point;
      words >> id >> parent >> number >> root >> point;
      if (point == point_) {
        return static_cast<unsigned>(strtoul(number.c_str() + number.find(':') + 1, nullptr, 10));
      }
    }
    return 0;
  }

  // A process that asks for the mount's root and ends with the errno.
  pid_t ask() {
    pid_t pid = fork();
    if (pid != 0) return pid;
    struct stat facts;
    _exit(stat((point_ + "/x").c_str(), &facts) == 0 ? 0 : errno);
  }

  std::string point_;
  bool mounted_ = false;
  std::unique_ptr<World> world_;
};

TEST_F(RealMount, WhoWaitsGetsAnErrorWhenTheServerIsGivenUp) {
  ASSERT_NE(world_->start_server(), 0);
  Entry one = world_->entry(0);
  ASSERT_NE(one.pid, 0);
  pid_t keeper = world_->keeper();
  pid_t waiting = ask();
  // Somebody else has the device, so that closing it does not end the connection.
  int pidfd = static_cast<int>(syscall(SYS_pidfd_open, one.pid, 0));
  UniqueFd process(pidfd);
  UniqueFd other(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, world_->device_number(), 0)));
  ASSERT_TRUE(other);
  world_->behave("fail");
  send_signal(one.pid, SIGKILL);
  EXPECT_EQ(world_->wait_for(waiting, 300), -1000) << "it waits while there is hope";
  EXPECT_TRUE(wait_until([&] { return !is_alive(keeper); }, 8000));
  if (access("/sys/fs/fuse/connections", F_OK) == 0 &&
      access(("/sys/fs/fuse/connections/" + std::to_string(world_->connection)).c_str(), F_OK) !=
          0) {
    other.reset();  // no control filesystem is mounted
  }
  int result = world_->wait_for(waiting, 2000);
  EXPECT_TRUE(result == ENOTCONN || result == ECONNABORTED) << result;
}

TEST_F(RealMount, AnUnmountWhileNoServerRunsIsNoticed) {
  ASSERT_NE(world_->start_server(), 0);
  Entry one = world_->entry(0);
  ASSERT_NE(one.pid, 0);
  pid_t keeper = world_->keeper();
  send_signal(one.pid, SIGHUP);
  EXPECT_EQ(world_->wait_for(one.pid), 0);
  usleep(100000);
  EXPECT_TRUE(is_alive(keeper));
  EXPECT_EQ(umount2(point_.c_str(), MNT_DETACH), 0);
  mounted_ = false;
  EXPECT_TRUE(wait_until([&] { return !is_alive(keeper); }, 2000));
  EXPECT_FALSE(world_->has_socket());
}

TEST_F(RealMount, AServerWhoseMountWentMakesWayForTheNextOne) {
  ASSERT_NE(world_->start_server(), 0);
  ASSERT_NE(world_->entry(0).pid, 0);
  pid_t keeper = world_->keeper();
  EXPECT_EQ(umount2(point_.c_str(), MNT_DETACH), 0);
  mounted_ = false;
  (void)world_->status();
  EXPECT_TRUE(wait_until([&] { return !is_alive(keeper); }, 2000));
}

}  // namespace
}  // namespace fuse3::reconnect::test
