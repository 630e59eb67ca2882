// The threads of a loop.
#include <dirent.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>

#include "world.h"

namespace fuse3::test {
namespace {

using wire::Opcode;

const Bytes kRead = body(wire::ReadIn{});

// Operations wait here until it is opened.
class Gate {
 public:
  void open() {
    std::lock_guard guard(lock_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock guard(lock_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(guard, [&] { return open_; });
    --waiting_;
  }
  bool reached(int count) {
    std::unique_lock guard(lock_);
    return changed_.wait_for(guard, std::chrono::seconds(30), [&] { return waiting_ >= count; });
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

// READ answers at once, GETATTR after the gate was opened.
Handlers gated(Gate& gate) {
  Handlers handlers;
  handlers.read = [](fuse_req_t req, auto...) { fuse_reply_buf(req, "data", 4); };
  handlers.getattr = [&gate](fuse_req_t req, auto...) {
    gate.pass();
    const struct stat stat {};
    fuse_reply_attr(req, &stat, 0);
  };
  return handlers;
}

size_t thread_count() {
  size_t count = 0;
  DIR* tasks = ::opendir("/proc/self/task");
  while (const dirent* task = ::readdir(tasks)) count += task->d_name[0] != '.' ? 1 : 0;
  ::closedir(tasks);
  return count;
}

// A thread that was joined can still be seen for a moment.
size_t settled_thread_count() {
  size_t count = thread_count();
  for (int same = 0; same < 10;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    const size_t now = thread_count();
    same = now == count ? same + 1 : 0;
    count = now;
  }
  return count;
}

class SessionPool : public testing::Test {
 protected:
  Watchdog watchdog_;
};

TEST_F(SessionPool, ABlockedOperationDoesNotHoldUpOthers) {
  Gate gate;
  World world(gated(gate));
  world.serve_with(2);
  world.init();
  const uint64_t blocked = world.kernel.submit(Opcode::getattr, 1, body(wire::GetattrIn{}));
  ASSERT_TRUE(gate.reached(1));
  for (int i = 0; i < 50; ++i) EXPECT_EQ("data", world.call(Opcode::read, 1, kRead).text());
  EXPECT_FALSE(world.kernel.answered(blocked));
  gate.open();
  EXPECT_EQ(0, world.kernel.wait(blocked).error);
}

TEST_F(SessionPool, AllButOneMayBlock) {
  Gate gate;
  World world(gated(gate));
  world.serve_with(10);
  world.init();
  std::vector<uint64_t> blocked;
  for (int i = 0; i < 9; ++i) {
    blocked.push_back(world.kernel.submit(Opcode::getattr, 1, body(wire::GetattrIn{})));
  }
  ASSERT_TRUE(gate.reached(9));
  for (int i = 0; i < 50; ++i) EXPECT_EQ("data", world.call(Opcode::read, 1, kRead).text());
  gate.open();
  for (const uint64_t unique : blocked) EXPECT_EQ(0, world.kernel.wait(unique).error);
}

TEST_F(SessionPool, BlocksAfterALongQuietTime) {
  Gate gate;
  World world(gated(gate));
  world.serve_with(3);
  world.init();
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  const uint64_t blocked = world.kernel.submit(Opcode::getattr, 1, body(wire::GetattrIn{}));
  ASSERT_TRUE(gate.reached(1));
  EXPECT_EQ("data", world.call(Opcode::read, 1, kRead).text());
  gate.open();
  EXPECT_EQ(0, world.kernel.wait(blocked).error);
}

TEST_F(SessionPool, ThereAreNoMoreThanWereAllowed) {
  Gate gate;
  World world(gated(gate));
  const size_t others = settled_thread_count() + 1;  // the loop's own
  world.serve_with(3);
  world.init();
  std::vector<uint64_t> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.push_back(world.kernel.submit(Opcode::getattr, 1, body(wire::GetattrIn{})));
  }
  ASSERT_TRUE(gate.reached(3));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(3u, world.kernel.outstanding());
  EXPECT_EQ(others + 3, thread_count());
  gate.open();
  for (const uint64_t unique : waiting) EXPECT_EQ(0, world.kernel.wait(unique).error);
  EXPECT_EQ(0, world.end());
  EXPECT_EQ(others - 1, settled_thread_count());
}

TEST_F(SessionPool, IdleThreadsEndWhereTheyAreNotWanted) {
  for (const unsigned idle : {0u, 1u}) {
    Gate gate;
    World world(gated(gate));
    const size_t others = settled_thread_count() + 1;
    world.serve_with(6, idle);
    world.init();
    std::vector<uint64_t> waiting;
    for (int i = 0; i < 5; ++i) {
      waiting.push_back(world.kernel.submit(Opcode::getattr, 1, body(wire::GetattrIn{})));
    }
    ASSERT_TRUE(gate.reached(5));
    gate.open();
    for (const uint64_t unique : waiting) EXPECT_EQ(0, world.kernel.wait(unique).error);
    EXPECT_TRUE(eventually([&] {
      // A thread that has just answered notices with what it does next.
      world.call(Opcode::read, 1, kRead);
      return thread_count() <= others + 1 + idle;
    })) << thread_count() - others;
    EXPECT_EQ("data", world.call(Opcode::read, 1, kRead).text());
  }
}

TEST_F(SessionPool, IdleThreadsStayWhereTheyAreWanted) {
  Gate gate;
  World world(gated(gate));
  const size_t others = settled_thread_count() + 1;
  world.serve_with(6);
  world.init();
  std::vector<uint64_t> waiting;
  for (int i = 0; i < 5; ++i) {
    waiting.push_back(world.kernel.submit(Opcode::getattr, 1, body(wire::GetattrIn{})));
  }
  ASSERT_TRUE(gate.reached(5));
  gate.open();
  for (const uint64_t unique : waiting) EXPECT_EQ(0, world.kernel.wait(unique).error);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_LE(others + 5, thread_count());
}

// For long enough that all workers come to read, and that one alone does again.
TEST_F(SessionPool, SeveralClientsAreServedWhoeverReads) {
  for (const bool clones : {false, true}) {
    Gate gate;
    World world(gated(gate), {.clones = clones});
    const size_t others = settled_thread_count() + 1;
    world.serve_with(4, ~0u, clones);
    world.init();
    std::atomic<int> wrong{0};
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
    std::vector<std::thread> clients;
    for (uint32_t pid = 1; pid <= 3; ++pid) {
      clients.emplace_back([&world, &wrong, until, pid] {
        while (std::chrono::steady_clock::now() < until) {
          if (world.call(Opcode::read, 1, kRead, {.pid = pid}).text() != "data") ++wrong;
        }
      });
    }
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(0, wrong);
    EXPECT_EQ("data", world.call(Opcode::read, 1, kRead).text());
    EXPECT_GE(others + 4, settled_thread_count());
    EXPECT_EQ(0, world.end());
    EXPECT_EQ(others - 1, settled_thread_count());
  }
}

TEST_F(SessionPool, EachThreadCanHaveADeviceOfItsOwn) {
  Gate gate;
  World world(gated(gate), {.clones = true});
  world.serve_with(4, ~0u, true);
  world.init();
  std::vector<uint64_t> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(world.kernel.submit(Opcode::getattr, 1, body(wire::GetattrIn{})));
  }
  ASSERT_TRUE(gate.reached(3));
  EXPECT_LE(3u, world.kernel.devices_used());
  world.kernel.interrupt(waiting[0]);
  for (int i = 0; i < 20; ++i) EXPECT_EQ("data", world.call(Opcode::read, 1, kRead).text());
  gate.open();
  for (const uint64_t unique : waiting) EXPECT_EQ(0, world.kernel.wait(unique).error);
}

TEST_F(SessionPool, WithoutClonesADeviceIsShared) {
  LogCapture log;
  Gate gate;
  World world(gated(gate));
  world.serve_with(4, ~0u, true);
  world.init();
  const uint64_t blocked = world.kernel.submit(Opcode::getattr, 1, body(wire::GetattrIn{}));
  ASSERT_TRUE(gate.reached(1));
  EXPECT_EQ("data", world.call(Opcode::read, 1, kRead).text());
  EXPECT_EQ(1u, world.kernel.devices_used());
  gate.open();
  EXPECT_EQ(0, world.kernel.wait(blocked).error);
}

TEST_F(SessionPool, TheEndWaitsForOperations) {
  Gate gate;
  World world(gated(gate));
  world.serve_with(4);
  world.init();
  const uint64_t blocked = world.kernel.submit(Opcode::getattr, 1, body(wire::GetattrIn{}));
  ASSERT_TRUE(gate.reached(1));
  fuse_session_exit(world.session);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  gate.open();
  EXPECT_EQ(0, world.join());
  EXPECT_EQ(0, world.kernel.wait(blocked).error);
}

// Loops that start and end at any moment, with blocked operations, interrupts, withdrawn requests
// and errors, over and over: none may hang, and nothing may get lost.
TEST_F(SessionPool, AThousandRandomLoops) {
  LogCapture log;
  const char* given = std::getenv("FUSE3_TEST_SEED");
  const unsigned seed =
      given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("FUSE3_TEST_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 1000; ++i) {
    Gate gate;
    World world(gated(gate), {.clones = random() % 2 == 0});
    const unsigned threads = 1 + random() % 4;
    world.serve_with(threads, random() % 3, random() % 2 == 0);
    std::vector<uint64_t> sent{};
    world.init();
    const unsigned requests = random() % 12;
    for (unsigned r = 0; r < requests; ++r) {
      const bool slow = random() % 4 == 0;
      sent.push_back(slow ? world.kernel.submit(Opcode::getattr, 1, body(wire::GetattrIn{}))
                          : world.kernel.submit(Opcode::read, 1, kRead));
      if (random() % 4 == 0) world.kernel.interrupt(sent[random() % sent.size()]);
      if (random() % 8 == 0) world.kernel.fail_next_read(ENOENT);
      if (random() % 8 == 0) std::this_thread::sleep_for(std::chrono::microseconds(random() % 500));
    }
    const unsigned how = random() % 3;
    if (how == 0) {
      gate.open();
      for (const uint64_t unique : sent) EXPECT_EQ(0, world.kernel.wait(unique).error);
      EXPECT_EQ(0, world.end());
    } else {
      if (how == 1) fuse_session_exit(world.session);
      if (how == 2) world.kernel.end();
      gate.open();
      EXPECT_EQ(0, world.join());
    }
    EXPECT_EQ(0u, world.kernel.outstanding()) << i;
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace fuse3::test
