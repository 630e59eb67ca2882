// Who takes over from whom, and who may not.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "reconnect/holder/launch.h"
#include "world.h"

namespace fuse3::reconnect::test {
namespace {

// A loaded machine must not decide whether a mount is given up.
void allow_a_minute() {
  setenv("FAKE_TIMEOUT", "60", 1);
}

// Something to be held, and whether it is.
struct HeldPipe {
  HeldPipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) abort();
    reader.reset(ends[0]);
    writer.reset(ends[1]);
  }
  bool is_let_go() const {
    pollfd watched{reader.get(), POLLIN, 0};
    return poll(&watched, 1, 0) == 1;
  }
  UniqueFd reader;
  UniqueFd writer;
};

TEST(KeeperSuccessors, RefusesOtherUsersInWords) {
  World world;
  world.start_server();
  ASSERT_NE(world.entry(0).pid, 0);
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  chmod(world.path.c_str(), 0755);
  chmod((world.path + "/" + socket_name(world.connection)).c_str(), 0666);
  pid_t other = fork();
  if (other == 0) {
    alarm(10);
    if (setgid(54321) != 0 || setuid(54321) != 0) _exit(1);
    std::string why;
    Result<Attached> got = HolderLink::attach(world.directory.get(), world.connection, &why);
    if (got || got.error() != EACCES) _exit(2);
    _exit(why == "it belongs to user 0: run as that user" ? 0 : 3);
  }
  EXPECT_EQ(world.wait_for(other), 0);
}

TEST(KeeperSuccessors, RefusesRootWhereItIsNotTheOwner) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  World world;
  ASSERT_EQ(chown(world.path.c_str(), 54321, 54321), 0);
  pid_t first = world.start_server(1, {}, [] {
    if (setgid(54321) != 0 || setuid(54321) != 0) _exit(1);
  });
  ASSERT_EQ(world.entry(0).pid, first);
  std::string why;
  Result<Attached> got = HolderLink::attach(world.directory.get(), world.connection, &why);
  EXPECT_EQ(got.error(), EACCES);
  EXPECT_EQ(why, "it belongs to user 54321: run as that user");
  send_signal(first, SIGKILL);
  EXPECT_TRUE(world.entry(1).attached);
}

TEST(KeeperSuccessors, OfTwoSuccessorsOneWins) {
  World world;
  pid_t first = world.start_server();
  ASSERT_NE(world.entry(0).pid, 0);
  // While the server lives: neither.
  pid_t early = world.start_successor();
  EXPECT_EQ(world.wait_for(early), 16);
  EXPECT_NE(world.keeper_messages().find("process " + std::to_string(first) + " is serving it"),
            std::string::npos);
  world.behave("hang");
  pid_t a = world.start_successor();
  pid_t b = world.start_successor();
  usleep(200000);
  send_signal(first, SIGKILL);
  Entry two = world.entry(1);
  ASSERT_TRUE(two.pid == a || two.pid == b);
  EXPECT_EQ(two.generation, 2);
  EXPECT_EQ(world.wait_for(two.pid == a ? b : a), 16);
  EXPECT_TRUE(is_alive(two.pid));
  EXPECT_EQ(world.entries(), 2u);
}

TEST(KeeperSuccessors, ASuccessorMayBeStartedByHand) {
  World world;
  pid_t first = world.start_server();
  ASSERT_NE(world.entry(0).pid, 0);
  world.behave("fail");
  send_signal(first, SIGKILL);
  Result<HolderStatus> status = world.status();
  ASSERT_TRUE(status);
  world.behave("serve");
  pid_t by_hand = world.start_successor();
  Entry two = world.entry(1);
  // Or the keeper's own was quicker; then ours is told so.
  if (two.pid != by_hand) {
    EXPECT_EQ(world.wait_for(by_hand), 16);
  }
  EXPECT_EQ(two.generation, 2);
  send_signal(two.pid, SIGKILL);
  EXPECT_EQ(world.entry(2).generation, 3);
}

TEST(KeeperSuccessors, APlannedEndWaitsForWhoeverComes) {
  World world;
  pid_t first = world.start_server();
  ASSERT_NE(world.entry(0).pid, 0);
  send_signal(first, SIGHUP);
  EXPECT_EQ(world.wait_for(first), 0);
  EXPECT_FALSE(wait_until([&] { return world.entries() > 1; }, 500));
  Result<HolderStatus> status = world.status();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->said.state, HolderState::kDetached);
  // Whoever is told to wait plans no start, and goes on waiting no longer than its limit.
  EXPECT_EQ(status->said.next_start_ms, StatusReplyMessage::kNever);
  EXPECT_LE(status->said.give_up_ms, 3000u);
  EXPECT_EQ(status->said.ended_pid, first);
  pid_t by_hand = world.start_successor();
  EXPECT_EQ(world.entry(1).pid, by_hand);
  // After that everything is as before.
  send_signal(by_hand, SIGKILL);
  EXPECT_EQ(world.entry(2).generation, 3);
}

TEST(KeeperSuccessors, TheServerStartsAnotherKeeper) {
  World world;
  pid_t first = world.start_server(5);
  ASSERT_NE(world.entry(0).pid, 0);
  for (int i = 0; i < 3; ++i) {
    pid_t keeper = world.keeper();
    ASSERT_GT(keeper, 0);
    send_signal(keeper, SIGKILL);
    ASSERT_TRUE(wait_until([&] {
      pid_t now = world.keeper();
      return now != 0 && now != keeper;
    }));
  }
  EXPECT_TRUE(is_alive(first));
  send_signal(first, SIGKILL);
  Entry two = world.entry(1);
  EXPECT_TRUE(two.attached);
  EXPECT_EQ(two.devices, 5u);
  EXPECT_EQ(two.sound_devices, 5u);
  // Also one that attached can do it.
  pid_t keeper = world.keeper();
  send_signal(keeper, SIGKILL);
  ASSERT_TRUE(wait_until([&] {
    pid_t now = world.keeper();
    return now != 0 && now != keeper;
  }));
  send_signal(two.pid, SIGUSR1);
  EXPECT_EQ(world.wait_for(two.pid), 0);
  EXPECT_FALSE(world.has_socket());
}

// What the server did not wait for any more must not live beside the keeper that it starts later.
TEST(KeeperSuccessors, AKeeperThatIsNotWaitedForLeavesEverythingToTheNext) {
  World world;
  HeldPipe first, second;
  UniqueFd state(openat(world.directory.get(), state_name(world.connection).c_str(),
                        O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  HolderSetup setup{world.directory.get(),
                    world.path,
                    world.connection,
                    state.get(),
                    {first.writer.get()},
                    -1,
                    3};
  Result<ServerImage> image = capture_server_image(world.connection);
  ASSERT_TRUE(image);
  UniqueFd stopped(eventfd(1, EFD_CLOEXEC));
  ASSERT_EQ(launch_keeper(setup, *image, stopped.get()).error(), ECANCELED);
  setup.devices = {second.writer.get()};
  Result<UniqueFd> link = launch_keeper(setup, *image);
  ASSERT_TRUE(link);
  first.writer.reset();
  second.writer.reset();
  EXPECT_TRUE(wait_until([&] { return first.is_let_go(); }, 20000))
      << "this process, its server, lives";
  EXPECT_FALSE(second.is_let_go());
  EXPECT_GT(world.keeper(), 0);
  EXPECT_TRUE(world.has_state());
}

TEST(KeeperSuccessors, AServerThatDiesBeforeItSaysAnythingHasASuccessor) {
  World world;
  world.behave("die");
  pid_t first = world.start_server(1, {}, allow_a_minute);
  EXPECT_EQ(world.wait_for(first, 20000), 9);
  world.behave("serve");
  Entry one = world.entry(0, 20000);
  EXPECT_TRUE(one.attached);
  EXPECT_TRUE(world.device_is_held());
}

TEST(KeeperSuccessors, WhoGivesUpMakesWayAlsoWhenItsProcessLivesOn) {
  World world;
  pid_t first = world.start_server(1, {}, allow_a_minute);
  ASSERT_NE(world.entry(0, 20000).pid, 0);
  world.behave("giveup");
  send_signal(first, SIGKILL);
  Entry two = world.entry(1, 20000);
  ASSERT_EQ(two.about, "gave up");
  world.behave("serve");
  Entry three = world.entry(2, 20000);
  EXPECT_EQ(three.generation, 3);
  EXPECT_EQ(three.previous, two.pid);
  EXPECT_TRUE(is_alive(two.pid));
}

TEST(KeeperSuccessors, WhoGivesUpMayTryAgain) {
  World world;
  pid_t first = world.start_server(1, {}, allow_a_minute);
  ASSERT_NE(world.entry(0, 20000).pid, 0);
  world.behave("retry");
  send_signal(first, SIGKILL);
  Entry two = world.entry(1, 20000);
  ASSERT_EQ(two.about, "gave up");
  Entry three = world.entry(2, 20000);
  EXPECT_EQ(three.pid, two.pid);
  EXPECT_EQ(three.generation, 3);
  // Both are of one outage, and it is over: the next death is answered as ever.
  world.behave("serve");
  send_signal(three.pid, SIGKILL);
  EXPECT_EQ(world.entry(3, 20000).generation, 4);
}

TEST(KeeperSuccessors, HoldsManyDevices) {
  World world;
  world.start_server(300);
  Entry one = world.entry(0);
  EXPECT_EQ(one.sound_devices, 300u);
  send_signal(one.pid, SIGKILL);
  Entry two = world.entry(1);
  EXPECT_EQ(two.devices, 300u);
  EXPECT_EQ(two.sound_devices, 300u);
}

TEST(KeeperSuccessors, ADeviceThatWasAddedIsNeverLost) {
  World world;
  pid_t first = world.start_server();
  ASSERT_NE(world.entry(0).pid, 0);
  pid_t keeper = world.keeper();
  // The keeper has not read of it when the server dies.
  send_signal(keeper, SIGSTOP);
  for (size_t i = 1; i <= 3; ++i) {
    send_signal(first, SIGUSR2);
    ASSERT_EQ(world.entry(i).about, "device");
  }
  send_signal(first, SIGKILL);
  send_signal(keeper, SIGCONT);
  Entry next = world.entry(4);
  EXPECT_EQ(next.devices, 4u);
  EXPECT_EQ(next.sound_devices, 4u);
}

TEST(KeeperSuccessors, StartsWhatReplacedTheExecutable) {
  namespace fs = std::filesystem;
  World world;
  std::string program = world.path + "/program";
  fs::copy_file(fake_server_path(), program);
  world.start_server(1, program);
  Entry one = world.entry(0);
  fs::copy_file(fake_server_path(), program + ".new");
  fs::rename(program + ".new", program);
  send_signal(one.pid, SIGKILL);
  Entry two = world.entry(1);
  ASSERT_TRUE(two.attached);
  struct stat facts {};
  stat(program.c_str(), &facts);
  EXPECT_EQ(two.executable, facts.st_ino);
  EXPECT_NE(two.executable, one.executable);
  // Nothing at all at the path: what ran first runs again.
  fs::remove(program);
  send_signal(two.pid, SIGKILL);
  EXPECT_EQ(world.entry(2).generation, 3);
}

}  // namespace
}  // namespace fuse3::reconnect::test
