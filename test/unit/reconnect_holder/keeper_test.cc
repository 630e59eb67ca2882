// The keeper and the library's side of it, as programs. The device is a pipe.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "world.h"

namespace fuse3::reconnect::test {
namespace {

TEST(Keeper, RestartsAServerAtOnce) {
  World world;
  pid_t first = world.start_server();
  Entry one = world.entry(0);
  ASSERT_EQ(one.pid, first);
  EXPECT_FALSE(one.attached);
  int64_t killed = now_ms();
  send_signal(first, SIGKILL);
  Entry two = world.entry(1);
  EXPECT_LT(now_ms() - killed, 2000);
  ASSERT_NE(two.pid, 0);
  EXPECT_TRUE(two.attached);
  EXPECT_EQ(two.previous, first);
  EXPECT_EQ(two.generation, 2);
  EXPECT_TRUE(world.device_is_held());
  Result<HolderStatus> status = world.status();
  ASSERT_TRUE(status);
  ASSERT_TRUE(wait_until([&] {
    status = world.status();
    return status && status->said.state == HolderState::kLive;
  }));
  EXPECT_EQ(status->said.outage_ms, StatusReplyMessage::kNever);
  EXPECT_EQ(status->said.server_pid, two.pid);
  EXPECT_EQ(status->said.restarts, 1u);
  EXPECT_EQ(status->said.devices, 1u);
  EXPECT_EQ(status->said.ended_pid, first);
  EXPECT_EQ(status->program, fake_server_path());
}

TEST(Keeper, IsNoChildOfTheServer) {
  World world;
  pid_t first = world.start_server();
  ASSERT_NE(world.entry(0).pid, 0);
  std::ifstream children("/proc/" + std::to_string(first) + "/task/" + std::to_string(first) +
                         "/children");
  std::string text;
  std::getline(children, text);
  EXPECT_EQ(text, "");
  pid_t keeper = world.keeper();
  ASSERT_GT(keeper, 0);
  EXPECT_EQ(getsid(keeper) == getsid(first), false);
}

TEST(Keeper, AServerThatServesIsNeverMadeToWait) {
  World world;
  world.start_server();
  for (size_t i = 0; i < 15; ++i) {
    Entry entry = world.entry(i, 2000);
    ASSERT_NE(entry.pid, 0) << "incarnation " << i;
    ASSERT_EQ(entry.generation, static_cast<int>(i) + 1);
    send_signal(entry.pid, SIGKILL);
  }
  EXPECT_NE(world.entry(15).pid, 0);
}

TEST(Keeper, SuccessorHasTheSameSurroundings) {
  World world;
  std::string place = world.path + "/place";
  mkdir(place.c_str(), 0700);
  world.start_server(1, {}, [&] {
    if (chdir(place.c_str()) != 0) _exit(125);
    setenv("FAKE_MARK", "seen", 1);
    umask(0125);
    signal(SIGUSR1, SIG_IGN);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGWINCH);
    sigprocmask(SIG_BLOCK, &blocked, nullptr);
    rlimit files{300, 1000};
    setrlimit(RLIMIT_NOFILE, &files);
    close(STDIN_FILENO);
  });
  Entry one = world.entry(0);
  ASSERT_NE(one.pid, 0);
  EXPECT_NE(one.about.find("cwd=" + place), std::string::npos) << one.about;
  EXPECT_NE(one.about.find("mark=seen,stdin=0"), std::string::npos) << one.about;
  send_signal(one.pid, SIGKILL);
  EXPECT_EQ(world.entry(1).about, one.about);
}

TEST(Keeper, StartsWithPausesAndGivesUpAfterManyFailures) {
  World world;
  world.start_server();
  Entry one = world.entry(0);
  pid_t keeper = world.keeper();
  ASSERT_GT(keeper, 0);
  world.behave("fail");
  int64_t killed = now_ms();
  send_signal(one.pid, SIGKILL);
  // The time limit of 3 s comes before the twelfth failure.
  ASSERT_TRUE(wait_until([&] { return !is_alive(keeper); }, 8000));
  EXPECT_GE(now_ms() - killed, 2900);
  EXPECT_FALSE(world.has_socket());
  EXPECT_FALSE(world.has_state());
  EXPECT_FALSE(world.device_is_held());
  std::string text = world.keeper_messages();
  EXPECT_NE(text.find("giving up (no server for 3 s; the last one ended with status 5)"),
            std::string::npos)
      << text;
}

TEST(Keeper, SaysWhatItWaitsForBetweenTwoStarts) {
  World world;
  world.start_server();
  Entry one = world.entry(0);
  world.behave("fail");
  send_signal(one.pid, SIGKILL);
  StatusReplyMessage said{};
  ASSERT_TRUE(wait_until([&] {
    Result<HolderStatus> status = world.status();
    if (status) said = status->said;
    return status && said.state == HolderState::kDetached && said.failed_starts >= 2;
  }));
  EXPECT_LE(said.next_start_ms, 2000u);
  EXPECT_EQ(said.most_failed_starts, 12u);
  EXPECT_EQ(said.timeout_seconds, 3u);
  EXPECT_LE(said.give_up_ms, 3000u - std::min(said.outage_ms, 3000u) + 100);
  EXPECT_EQ(said.ended_pid, one.pid);
  world.behave("serve");
  EXPECT_NE(world.entry(1).pid, 0);
}

TEST(Keeper, ShowsTheStateAndLetsNobodyWriteIt) {
  World world;
  world.start_server();
  ASSERT_NE(world.entry(0).pid, 0);
  Result<HolderStatus> status = world.status();
  ASSERT_TRUE(status);
  int generation = 0;
  EXPECT_EQ(pread(status->state.get(), &generation, sizeof generation, 0), 4);
  EXPECT_EQ(generation, 1);
  EXPECT_EQ(pwrite(status->state.get(), &generation, sizeof generation, 0), -1);
  EXPECT_EQ(status->owner, geteuid());
}

TEST(Keeper, ASuccessorThatDiesBeforeServingIsTriedAgainLater) {
  World world;
  world.start_server();
  Entry one = world.entry(0);
  world.behave("die");
  send_signal(one.pid, SIGKILL);
  Result<HolderStatus> status = world.status();
  ASSERT_TRUE(wait_until([&] {
    status = world.status();
    return status && status->said.restarts >= 3;
  }));
  world.behave("serve");
  Entry next = world.entry(1);
  ASSERT_NE(next.pid, 0);
  EXPECT_GE(next.generation, 5);
  // Its serving ends the outage: the next death is answered at once.
  int64_t killed = now_ms();
  send_signal(next.pid, SIGKILL);
  ASSERT_NE(world.entry(2).pid, 0);
  EXPECT_LT(now_ms() - killed, 1000);
}

TEST(Keeper, ASuccessorThatHangsIsGivenUp) {
  World world;
  world.start_server();
  Entry one = world.entry(0);
  pid_t keeper = world.keeper();
  world.behave("hang");
  send_signal(one.pid, SIGKILL);
  Entry two = world.entry(1);
  ASSERT_NE(two.pid, 0);
  ASSERT_TRUE(wait_until([&] { return !is_alive(keeper); }, 8000));
  EXPECT_TRUE(wait_until([&] { return !is_alive(two.pid); }));
  EXPECT_FALSE(world.device_is_held());
}

TEST(Keeper, GoodbyeLeavesNothing) {
  World world;
  pid_t first = world.start_server();
  ASSERT_NE(world.entry(0).pid, 0);
  pid_t keeper = world.keeper();
  ASSERT_GT(keeper, 0);
  EXPECT_TRUE(world.has_socket());
  EXPECT_TRUE(world.has_state());
  send_signal(first, SIGUSR1);
  EXPECT_EQ(world.wait_for(first), 0);
  EXPECT_FALSE(world.has_socket());
  EXPECT_FALSE(world.has_state());
  EXPECT_TRUE(wait_until([&] { return !is_alive(keeper); }));
  EXPECT_FALSE(world.device_is_held());
  EXPECT_EQ(world.entries(), 1u);
}

TEST(Keeper, EndsWhenTheMountGoesWhileNoServerRuns) {
  World world;
  pid_t first = world.start_server();
  ASSERT_NE(world.entry(0).pid, 0);
  pid_t keeper = world.keeper();
  send_signal(first, SIGHUP);
  EXPECT_EQ(world.wait_for(first), 0);
  usleep(100000);
  EXPECT_TRUE(is_alive(keeper));
  world.end_mount();
  EXPECT_TRUE(wait_until([&] { return !is_alive(keeper); }, 1000));
  EXPECT_FALSE(world.has_socket());
  EXPECT_FALSE(world.has_state());
}

TEST(Keeper, MakesWayForALaterMountWithItsNumber) {
  World world;
  pid_t first = world.start_server();
  ASSERT_NE(world.entry(0).pid, 0);
  pid_t keeper = world.keeper();
  send_signal(first, SIGSTOP);
  world.end_mount();
  Result<HolderStatus> status = world.status();
  EXPECT_FALSE(status);
  EXPECT_TRUE(wait_until([&] { return !is_alive(keeper) && !world.has_socket(); }));
}

TEST(Keeper, StopsStartingWhenToldToStop) {
  World world;
  pid_t first = world.start_server();
  ASSERT_NE(world.entry(0).pid, 0);
  pid_t keeper = world.keeper();
  send_signal(keeper, SIGTERM);
  usleep(100000);
  EXPECT_TRUE(is_alive(keeper)) << "it stays for the server's sake";
  send_signal(first, SIGKILL);
  EXPECT_TRUE(wait_until([&] { return !is_alive(keeper); }, 1000));
  EXPECT_FALSE(world.device_is_held());
  EXPECT_FALSE(world.has_socket());
  EXPECT_EQ(world.entries(), 1u);
}

TEST(Keeper, DoesNotMindKeysAndHangups) {
  World world;
  pid_t first = world.start_server();
  ASSERT_NE(world.entry(0).pid, 0);
  pid_t keeper = world.keeper();
  for (int number : {SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1}) send_signal(keeper, number);
  send_signal(first, SIGKILL);
  EXPECT_TRUE(world.entry(1).attached);
  EXPECT_EQ(world.keeper(), keeper);
}

TEST(Keeper, CannotBeStartedByHand) {
  const char* keeper = getenv("FUSE_KEEPER");
  ASSERT_NE(keeper, nullptr);
  World world;
  pid_t pid = fork();
  if (pid == 0) {
    freopen("/dev/null", "w", stderr);
    execl(keeper, keeper, static_cast<char*>(nullptr));
    _exit(126);
  }
  EXPECT_EQ(world.wait_for(pid), 2);
}

}  // namespace
}  // namespace fuse3::reconnect::test
