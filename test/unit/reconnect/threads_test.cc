// Many threads on one table: what they do together adds up. Meant for ThreadSanitizer as well.
#include <array>
#include <atomic>
#include <random>
#include <thread>

#include "sandbox.h"
#include "support/spin_mutex.h"

namespace fuse3::reconnect {
namespace {

constexpr int kThreads = 4;
constexpr int kRounds = 3000;

void run_in_threads(const auto& body) {
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) threads.emplace_back([&body, t] { body(t); });
  for (std::thread& thread : threads) thread.join();
}

TEST(Threads, SpinMutexExcludes) {
  SpinMutex mutex;
  uint64_t sum = 0;
  run_in_threads([&](int) {
    for (int i = 0; i < 20000; ++i) {
      mutex.lock();
      ++sum;
      mutex.unlock();
    }
  });
  EXPECT_EQ(sum, uint64_t{kThreads} * 20000);
}

TEST(Threads, LookupsAndForgetsAddUp) {
  auto state = new_state();
  NodeTable& nodes = state->nodes();
  std::atomic<uint64_t> granted{0}, forgotten{0};
  run_in_threads([&](int t) {
    std::mt19937 random(static_cast<unsigned>(t));
    const Slot slot = *state->slots().acquire();
    std::vector<NodeId> mine;
    for (int i = 0; i < kRounds; ++i) {
      const uint64_t which = random() % 50;
      auto got = nodes.grant(slot, kRootNode, "f" + std::to_string(which), 100 + which, 0,
                             file(100 + which), SlotPublish::none());
      if (!got) continue;
      granted += 1;
      mine.push_back(got->id);
      // What another request in hand does with the same node.
      auto ref = nodes.find(got->id);
      if (ref && nodes.bound(ref->index)) {
        EXPECT_EQ(nodes.fs_ino(ref->index), 100 + which);
        EXPECT_GE(nodes.kernel_count(ref->index), 1u);
      }
      (void)nodes.find(NodeId{random() % 100});
      if (random() % 2 == 0) {
        const size_t at = random() % mine.size();
        EXPECT_TRUE(nodes.forget(slot, mine[at], 1, SlotPublish::none()).ok());
        forgotten += 1;
        mine.erase(mine.begin() + static_cast<long>(at));
      }
    }
  });
  uint64_t left = 0;
  for (uint64_t which = 0; which < 50; ++which) {
    if (auto id = nodes.node_id_of_fs_ino(100 + which)) {
      const uint32_t index = nodes.find(*id)->index;
      left += nodes.kernel_count(index);
      EXPECT_EQ(nodes.fs_count(index), nodes.kernel_count(index));
    }
  }
  EXPECT_EQ(left, granted - forgotten);
  expect_sound(*state);
}

TEST(Threads, RenamesAndReaders) {
  auto state = new_state();
  NodeTable& nodes = state->nodes();
  run_in_threads([&](int t) {
    std::mt19937 random(static_cast<unsigned>(t));
    const Slot slot = *state->slots().acquire();
    const auto name = [&] {
      return std::string(1 + random() % 60, static_cast<char>('a' + random() % 8));
    };
    for (int i = 0; i < kRounds; ++i) {
      const uint64_t ino = 10 + random() % 20;
      auto got = nodes.grant(slot, kRootNode, name(), ino, 0, file(ino), SlotPublish::none());
      if (!got) continue;
      EXPECT_TRUE(
          nodes.move_edge(slot, kRootNode, name(), kRootNode, name(), SlotPublish::none()).ok());
      (void)nodes.find_edge(kRootNode, name());
      (void)nodes.path(got->index);
      (void)edges_of(*state, got->id);
      if (random() % 4 == 0) {
        EXPECT_TRUE(nodes.forget(slot, got->id, 1, SlotPublish::none()).ok());
      }
    }
  });
  expect_sound(*state);
}

TEST(Threads, OneRebindsAHandle) {
  auto state = new_state();
  Slot slot = take_slot(*state);
  std::vector<HandleId> ids;
  for (uint64_t i = 0; i < 500; ++i) {
    ids.push_back(
        *state->handles().grant(slot, kRootNode, i, 0, 0, HandleKind::file, SlotPublish::none()));
  }
  std::string why;
  auto next = succeed(copy_of(*state), &why);
  ASSERT_NE(next, nullptr) << why;
  std::atomic<uint32_t> won{0};
  run_in_threads([&](int t) {
    for (const HandleId id : ids) {
      if (next->handles().rebind(id, static_cast<uint64_t>(t))) won += 1;
      const uint32_t index = next->handles().find(id)->index;
      EXPECT_TRUE(next->handles().bound(index));
      EXPECT_LT(next->handles().fs_fh(index), uint64_t{kThreads});
    }
  });
  EXPECT_EQ(won, ids.size());
}

TEST(Threads, SlotsAreHandedOutOnce) {
  auto state = new_state();
  std::array<std::atomic<int>, 8> users{};
  run_in_threads([&](int) {
    for (int i = 0; i < kRounds; ++i) {
      auto slot = state->slots().acquire();
      ASSERT_TRUE(slot.ok());
      EXPECT_EQ(users[slot->index()].fetch_add(1), 0);
      users[slot->index()] -= 1;
      state->slots().release(*slot);
    }
  });
  EXPECT_LE(state->slots().count(), uint32_t{kThreads});
}

}  // namespace
}  // namespace fuse3::reconnect
