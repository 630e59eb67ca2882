// Servers that are not the process that mounted.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "world.h"

namespace fuse3::reconnect::test {
namespace {

TEST(KeeperDaemons, FollowsADaemonizingServer) {
  World world;
  world.behave("daemonize");
  pid_t first = world.start_server();
  EXPECT_EQ(world.wait_for(first), 0);
  Entry one = world.entry(0);
  ASSERT_NE(one.pid, 0);
  ASSERT_NE(one.pid, first);
  EXPECT_FALSE(one.attached);
  // Nobody took the launcher's end for the server's.
  EXPECT_FALSE(wait_until([&] { return world.entries() > 1; }, 300));
  send_signal(one.pid, SIGKILL);
  Entry two = world.entry(1);
  ASSERT_TRUE(two.attached);
  EXPECT_EQ(two.previous, one.pid);
  send_signal(two.pid, SIGKILL);
  EXPECT_EQ(world.entry(2).generation, 3);
}

TEST(KeeperDaemons, LetsTheStreamsOfADaemonGo) {
  for (const char* how : {"daemonize", "background"}) {
    World world;
    world.behave(how);
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    UniqueFd reader(ends[0]), writer(ends[1]);
    world.start_server(1, {}, [&] { dup2(writer.get(), STDOUT_FILENO); });
    writer.reset();
    ASSERT_NE(world.entry(0).pid, 0);
    fcntl(reader.get(), F_SETFL, O_NONBLOCK);
    char byte;
    EXPECT_TRUE(wait_until([&] { return read(reader.get(), &byte, 1) == 0; })) << how;
  }
}

TEST(KeeperDaemons, FollowsAServerThatGoesIntoTheBackgroundByItself) {
  World world;
  world.behave("background");
  pid_t first = world.start_server();
  EXPECT_EQ(world.wait_for(first), 0);
  Entry one = world.entry(0);
  ASSERT_NE(one.pid, 0);
  EXPECT_FALSE(one.attached);
  send_signal(one.pid, SIGKILL);
  Entry two = world.entry(1);
  EXPECT_TRUE(two.attached);
  EXPECT_EQ(two.generation, 2);
}

TEST(KeeperDaemons, ServerKilledBetweenMountAndLoop) {
  World world;
  world.behave("hang");
  pid_t first = world.start_server();
  ASSERT_EQ(world.entry(0).pid, first);
  world.behave("serve");
  send_signal(first, SIGKILL);
  Entry two = world.entry(1);
  EXPECT_TRUE(two.attached);
  EXPECT_EQ(two.generation, 2);
}

TEST(KeeperDaemons, AChildThatHasTheLinkOpenDoesNotMatterInTheLoop) {
  World world;
  world.behave("leak");
  pid_t first = world.start_server();
  Entry one = world.entry(0), two = world.entry(1);
  ASSERT_NE(two.pid, 0);
  world.behave("serve");
  send_signal(first, SIGKILL);
  Entry next = world.entry(2, 2000);
  EXPECT_TRUE(next.attached);
  pid_t leaked = one.about == "leak" ? one.pid : two.pid;
  EXPECT_TRUE(is_alive(leaked));
}

}  // namespace
}  // namespace fuse3::reconnect::test
