#include "reconnect/lock_table.h"

#include <fcntl.h>

#include <cstdlib>
#include <map>
#include <random>

#include "sandbox.h"

namespace fuse3::reconnect {
namespace {

constexpr NodeId kNode{77};
constexpr uint64_t kEnd = INT64_MAX;

Lock posix(uint64_t owner, uint32_t type, uint64_t start, uint64_t end, uint64_t handle = 5) {
  Lock lock;
  lock.type = type;
  lock.owner = owner;
  lock.start = start;
  lock.end = end;
  lock.pid = 1000;
  lock.handle = HandleId{handle};
  return lock;
}

Lock whole_file(uint64_t owner, uint32_t type, uint64_t handle = 5) {
  Lock lock = posix(owner, type, 0, kEnd, handle);
  lock.kind = LockKind::whole_file;
  return lock;
}

std::string text_of(const Lock& lock) {
  return std::to_string(lock.owner) + (lock.kind == LockKind::whole_file ? "F" : "") +
         (lock.type == F_WRLCK ? "W" : "R") + std::to_string(lock.start) + "-" +
         std::to_string(lock.end) + " ";
}

class LockTableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    state_ = new_state();
    ASSERT_NE(state_, nullptr);
    slot_ = take_slot(*state_);
  }
  void TearDown() override {
    if (state_) expect_sound(*state_);
  }
  LockTable& locks() { return state_->locks(); }
  void set(const Lock& lock, NodeId node = kNode) {
    EXPECT_TRUE(locks().set(slot_, node, lock, SlotPublish::none()).ok());
  }
  std::string held(NodeId node = kNode) {
    std::string text;
    for (const Lock& lock : locks().of_node(node)) text += text_of(lock);
    return text;
  }
  void succeed_with_a_copy() {
    std::string why;
    state_ = succeed(copy_of(*state_), &why);
    ASSERT_NE(state_, nullptr) << why;
    slot_ = take_slot(*state_);
  }

  std::unique_ptr<State> state_;
  Slot slot_;
};

TEST_F(LockTableTest, AnUnlockedMiddleLeavesBothSides) {
  set(posix(1, F_WRLCK, 0, 99));
  set(posix(1, F_UNLCK, 40, 59));
  EXPECT_EQ(held(), "1W0-39 1W60-99 ");
  set(posix(1, F_UNLCK, 0, kEnd));
  EXPECT_EQ(held(), "");
  EXPECT_EQ(locks().count(), 0u);
}

TEST_F(LockTableTest, ATypeIsReplaced) {
  set(posix(1, F_WRLCK, 0, 99));
  set(posix(1, F_RDLCK, 40, 59));
  EXPECT_EQ(held(), "1W0-39 1R40-59 1W60-99 ");
  set(posix(1, F_WRLCK, 40, 59));
  EXPECT_EQ(held(), "1W0-99 ");
}

TEST_F(LockTableTest, NeighboursBecomeOneUnlessSomebodyElseIsThere) {
  set(posix(1, F_RDLCK, 0, 9));
  set(posix(1, F_RDLCK, 20, 29));
  set(posix(1, F_RDLCK, 10, 19));
  EXPECT_EQ(held(), "1R0-29 ");
  set(posix(2, F_RDLCK, 0, 9));
  set(posix(1, F_RDLCK, 30, 39));
  EXPECT_EQ(held(), "1R0-29 1R30-39 2R0-9 ");
  set(posix(1, F_RDLCK, 5, 34));
  EXPECT_EQ(held(), "1R0-4 1R5-34 1R35-39 2R0-9 ");
}

TEST_F(LockTableTest, OwnersAndKindsAndNodesAreApart) {
  set(posix(1, F_WRLCK, 0, 9));
  set(whole_file(1, F_RDLCK));
  set(posix(1, F_WRLCK, 0, 9), NodeId{78});
  set(posix(2, F_WRLCK, 10, 19));
  EXPECT_EQ(held(), "1W0-9 2W10-19 1FR0-9223372036854775807 ");
  ASSERT_TRUE(locks().drop_owner(slot_, kNode, 1, SlotPublish::none()).ok());
  EXPECT_EQ(held(), "2W10-19 1FR0-9223372036854775807 ");
  set(whole_file(1, F_UNLCK));
  EXPECT_EQ(held(), "2W10-19 ");
  EXPECT_EQ(held(NodeId{78}), "1W0-9 ");
  EXPECT_EQ(locks().nodes().size(), 2u);
}

TEST_F(LockTableTest, AClosedHandleTakesItsLocksAlong) {
  for (uint64_t i = 0; i < 20; ++i) set(posix(1 + i, F_RDLCK, 0, 9, 5 + i % 2));
  set(whole_file(99, F_WRLCK, 6));
  ASSERT_TRUE(locks().drop_handle(slot_, kNode, HandleId{6}).ok());
  EXPECT_EQ(locks().count(), 10u);
  for (const Lock& lock : locks().of_node(kNode)) EXPECT_EQ(lock.handle, HandleId{5});
  ASSERT_TRUE(locks().drop_handle(slot_, kNode, HandleId{5}).ok());
  EXPECT_EQ(locks().count(), 0u);
}

TEST_F(LockTableTest, AThousandAreReplacedInOneTransaction) {
  for (uint64_t i = 0; i < 1000; ++i) set(posix(1, F_RDLCK, 2 * i, 2 * i));
  EXPECT_EQ(locks().count(), 1000u);
  receive(slot_, 64);
  slot_.start_running();
  ASSERT_TRUE(
      locks().set(slot_, kNode, posix(1, F_WRLCK, 0, kEnd), SlotPublish::replied(128, 16)).ok());
  EXPECT_EQ(held(), "1W0-9223372036854775807 ");
  EXPECT_EQ(slot_.stage(), Stage::replied);
}

TEST_F(LockTableTest, ItIsFullAtSomePointAndSaysSo) {
  uint64_t made = 0;
  while (locks().set(slot_, kNode, posix(1, F_RDLCK, 2 * made, 2 * made), SlotPublish::none())) {
    ++made;
  }
  EXPECT_EQ(made, kSmall.max_handles - 1);
  EXPECT_EQ(locks().reserve().error(), ENOLCK);
  set(posix(1, F_UNLCK, 0, kEnd));
  EXPECT_TRUE(locks().reserve().ok());
  set(posix(1, F_WRLCK, 0, 5));
}

TEST_F(LockTableTest, WhatCannotBeIsRefused) {
  for (const Lock& lock : {posix(1, 3, 0, 9), posix(1, F_RDLCK, 10, 9)}) {
    EXPECT_EQ(locks().set(slot_, kNode, lock, SlotPublish::none()).error(), EINVAL);
  }
  EXPECT_EQ(locks().set(slot_, NodeId{0}, posix(1, F_RDLCK, 0, 9), SlotPublish::none()).error(),
            EINVAL);
}

TEST_F(LockTableTest, ASuccessorKnowsThem) {
  set(posix(1, F_WRLCK, 10, 19, 7));
  set(whole_file(2, F_RDLCK, 8), NodeId{80});
  succeed_with_a_copy();
  const auto kept = locks().of_node(kNode);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(text_of(kept[0]), "1W10-19 ");
  EXPECT_EQ(kept[0].handle, HandleId{7});
  EXPECT_EQ(kept[0].pid, 1000u);
  EXPECT_TRUE(locks().holds(kNode, kept[0]));
  EXPECT_FALSE(locks().holds(NodeId{80}, kept[0]));
}

TEST_F(LockTableTest, LostUntilItIsUnlocked) {
  set(posix(1, F_WRLCK, 0, 9));
  locks().mark_lost(kNode, posix(1, F_WRLCK, 0, 9));
  EXPECT_TRUE(locks().lost(kNode, HandleId{5}));
  EXPECT_FALSE(locks().lost(kNode, HandleId{6}));
  succeed_with_a_copy();
  EXPECT_TRUE(locks().lost(kNode, HandleId{5}));
  set(posix(1, F_UNLCK, 0, 4));
  EXPECT_TRUE(locks().lost(kNode, HandleId{5}));
  set(posix(1, F_UNLCK, 5, kEnd));
  EXPECT_FALSE(locks().lost(kNode, HandleId{5}));
}

// Each byte's lock, for each owner.
using Model = std::map<std::pair<uint64_t, uint64_t>, uint32_t>;
constexpr uint64_t kBytes = 24;

Model model_of(const std::vector<Lock>& locks) {
  Model model;
  for (const Lock& lock : locks) {
    for (uint64_t byte = lock.start; byte <= std::min(lock.end, kBytes); ++byte) {
      EXPECT_FALSE(model.contains({lock.owner, byte})) << "two locks on one byte";
      model[{lock.owner, byte}] = lock.type;
    }
  }
  return model;
}

TEST_F(LockTableTest, IsWhatANaiveModelSays) {
  const char* given = std::getenv("FUSE3_TEST_SEED");
  const unsigned seed =
      given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
  SCOPED_TRACE("FUSE3_TEST_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  Model model;
  for (int i = 0; i < 20000; ++i) {
    const uint64_t owner = 1 + random() % 3;
    const auto type = static_cast<uint32_t>(random() % 3);
    const uint64_t start = random() % kBytes;
    const bool to_the_end = random() % 8 == 0;
    const uint64_t end = to_the_end ? kEnd : start + random() % (kBytes - start);
    set(posix(owner, type, start, end));
    for (uint64_t byte = start; byte <= std::min(end, kBytes); ++byte) {
      if (type == F_UNLCK) {
        model.erase({owner, byte});
      } else {
        model[{owner, byte}] = type;
      }
    }
    ASSERT_EQ(model_of(locks().of_node(kNode)), model) << held();
    if (i % 100 != 0) continue;
    expect_sound(*state_);
    if (i % 1000 == 0) succeed_with_a_copy();
  }
}

TEST(LockLayout, AStateOfAnOlderLayoutHasNoLocksAndIsTakenOver) {
  for (const uint32_t version : {1u, 2u}) {
    auto old = new_state(kSmall, version);
    ASSERT_NE(old, nullptr);
    EXPECT_EQ(old->mapping().header().fixed.header_size, 15072u);
    EXPECT_LT(old->mapping().size(), new_state()->mapping().size());
    const auto node =
        old->nodes().grant(take_slot(*old), kRootNode, "a", 9, 0, file(9), SlotPublish::none());
    ASSERT_TRUE(node.ok());
    std::string why;
    auto next = succeed(copy_of(*old), &why);
    ASSERT_NE(next, nullptr) << why;
    next = succeed(copy_of(*next), &why);
    ASSERT_NE(next, nullptr) << why;
    EXPECT_FALSE(next->locks().enabled());
    EXPECT_TRUE(next->locks().reserve().ok());
    EXPECT_EQ(next->locks().count(), 0u);
    EXPECT_TRUE(next->locks().of_node(node->id).empty());
    EXPECT_FALSE(next->locks().lost(node->id, HandleId{1}));
    EXPECT_TRUE(next->locks().drop_handle(take_slot(*next), node->id, HandleId{1}).ok());
    EXPECT_TRUE(next->nodes().find(node->id).ok());
    expect_sound(*next);
  }
}

}  // namespace
}  // namespace fuse3::reconnect
