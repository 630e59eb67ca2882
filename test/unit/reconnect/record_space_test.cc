// Tables that have become smaller: their memory goes back, and no id is given twice.
#include "reconnect/record_space.h"

#include <vector>

#include "sandbox.h"

namespace fuse3::reconnect {
namespace {

uint64_t allocated(const State& state) {
  struct stat st;
  return ::fstat(state.fd(), &st) == 0 ? static_cast<uint64_t>(st.st_blocks) * 512 : 0;
}

class RecordSpaceTest : public ::testing::Test {
 protected:
  void SetUp() override { use(new_state()); }
  void TearDown() override {
    if (state_) expect_sound(*state_);
  }
  void use(std::unique_ptr<State> state) {
    state_ = std::move(state);
    ASSERT_NE(state_, nullptr);
    slot_ = take_slot(*state_);
  }
  void die() {
    std::string why;
    auto next = succeed(copy_of(*state_), &why);
    ASSERT_NE(next, nullptr) << why;
    use(std::move(next));
  }
  uint32_t high_water() { return state_->mapping().header().heads.node_high_water; }

  NodeId look_up(uint64_t i) {
    auto got = state_->nodes().grant(slot_, kRootNode, "f" + std::to_string(i), 1000 + i, 0,
                                     file(1000 + i), SlotPublish::none());
    EXPECT_TRUE(got.ok());
    return got ? got->id : NodeId{};
  }
  std::vector<NodeId> look_up_many(uint64_t n) {
    std::vector<NodeId> ids;
    for (uint64_t i = 0; i < n; ++i) ids.push_back(look_up(i));
    return ids;
  }
  void forget(NodeId id) {
    EXPECT_TRUE(state_->nodes().forget(slot_, id, 1, SlotPublish::none()).ok());
  }
  HandleId open(HandleKind kind = HandleKind::file) {
    auto id = state_->handles().grant(slot_, kRootNode, 5, 0, 0, kind, SlotPublish::none());
    EXPECT_TRUE(id.ok());
    return id ? *id : HandleId{};
  }
  void close(HandleId id) {
    EXPECT_TRUE(state_->handles().free(slot_, id, SlotPublish::none()).ok());
  }

  std::unique_ptr<State> state_;
  Slot slot_;
};

TEST_F(RecordSpaceTest, MemoryGoesBackAndNoIdIsGivenTwice) {
  look_up(9999);
  const uint64_t small = allocated(*state_);
  std::set<uint64_t> given;
  for (int round = 0; round < 12; ++round) {
    const auto ids = look_up_many(1000);
    EXPECT_GT(allocated(*state_), small + 1000 * sizeof(NodeRecord) - 2 * kPage);
    for (const NodeId id : ids) EXPECT_TRUE(given.insert(id.value).second) << id.value;
    // A successor knows nothing of the records yet.
    if (round % 3 == 1) die();
    for (const NodeId id : ids) forget(id);
    if (round % 3 == 2) die();
    EXPECT_LT(high_water(), 200u);
    for (const NodeId id : {ids.front(), ids.back()}) {
      EXPECT_EQ(state_->nodes().find(id).error(), ESTALE);
    }
    if (round == 0) {  // a copy has all the memory
      EXPECT_LE(allocated(*state_), small + 8 * kPage);
    }
  }
  EXPECT_TRUE(state_->nodes().find_edge(kRootNode, "f9999"));
}

TEST_F(RecordSpaceTest, OneNodeKeepsItsPartOnly) {
  const uint64_t small = allocated(*state_);
  const auto ids = look_up_many(1000);
  const NodeId kept = ids[700];
  for (const NodeId id : ids) {
    if (id != kept) forget(id);
  }
  EXPECT_LE(allocated(*state_), small + 12 * kPage);
  ASSERT_TRUE(state_->nodes().find(kept).ok());
  EXPECT_EQ(state_->nodes().find_edge(kRootNode, "f700"), kept);
  // What is below it is used before the table becomes longer.
  const uint32_t before = high_water();
  die();
  look_up_many(600);
  EXPECT_EQ(high_water(), before);
  forget(kept);
  EXPECT_LE(high_water(), before - 64);
}

TEST_F(RecordSpaceTest, HandlesGoBackToo) {
  const uint64_t small = allocated(*state_);
  std::set<uint64_t> given;
  for (int round = 0; round < 4; ++round) {
    std::vector<HandleId> ids;
    for (int i = 0; i < 900; ++i) {
      ids.push_back(open());
      EXPECT_TRUE(given.insert(ids.back().value).second);
    }
    if (round == 1) die();
    for (const HandleId id : ids) close(id);
    EXPECT_LT(state_->mapping().header().heads.handle_high_water, 129u);
    uint32_t seen = 0;
    state_->handles().for_each([&](uint32_t) { ++seen; });
    EXPECT_EQ(seen, 0u);
    if (round == 0) {
      EXPECT_LE(allocated(*state_), small + 4 * kPage);
    }
  }
}

TEST_F(RecordSpaceTest, ASuccessorFindsTheLastFreeRecordOfAFullTable) {
  std::vector<HandleId> ids;
  for (uint32_t i = 1; i < kSmall.max_handles; ++i) ids.push_back(open());
  EXPECT_EQ(state_->handles()
                .grant(slot_, kRootNode, 5, 0, 0, HandleKind::file, SlotPublish::none())
                .error(),
            ENOMEM);
  close(ids[900]);
  die();
  EXPECT_EQ(static_cast<uint32_t>(open().value), static_cast<uint32_t>(ids[900].value));
}

TEST_F(RecordSpaceTest, WhatWasNotCommittedIsFree) {
  const NodeId first = look_up(1);
  forget(first);
  {
    Txn txn(*state_, slot_);
    ASSERT_TRUE(state_->handles().grant_in(txn, kRootNode, 1, 0, 0, HandleKind::file).ok());
    ASSERT_TRUE(
        state_->nodes().grant_in(txn, kRootNode, std::string(200, 'x'), 7, 0, file(7)).ok());
  }
  expect_sound(*state_);
  EXPECT_EQ(static_cast<uint32_t>(look_up(2).value), static_cast<uint32_t>(first.value));
  EXPECT_EQ(static_cast<uint32_t>(open().value), 1u);
}

// Records of listings become nodes again, when there are more of them than the next ones want.
TEST_F(RecordSpaceTest, ListingsLeaveRecordsToNodes) {
  use(new_state(Geometry{
      .max_nodes = 1u << 16, .max_handles = 1024, .max_slots = 8, .slot_buffer_size = 2 * kPage}));
  const uint64_t small = allocated(*state_);
  std::vector<StreamEntry> entries;
  for (uint64_t i = 1; i <= 7 * 8000; ++i) entries.push_back({i, i * 31});
  const HandleId directory = open(HandleKind::directory);
  EXPECT_EQ(state_->streams().put(slot_, directory, 0, entries), entries.size());
  expect_sound(*state_);
  EXPECT_GT(high_water(), 8000u);
  close(directory);
  for (int i = 0; i < 2000; ++i) close(open());
  EXPECT_LT(allocated(*state_), small + 3000 * sizeof(NodeRecord));
  // A successor does not know how many there are, and keeps none.
  die();
  for (int i = 0; i < 500; ++i) close(open());
  EXPECT_LT(high_water(), 1100u);
  EXPECT_EQ(state_->streams().put(slot_, open(HandleKind::directory), 0, {entries.data(), 100}),
            100u);
}

// A state that was made by the version before has no room for floors.
TEST_F(RecordSpaceTest, TheLayoutBeforeOnlyGrows) {
  use(new_state(kSmall, kLayoutWithoutFloors));
  const auto ids = look_up_many(1000);
  for (const NodeId id : ids) forget(id);
  EXPECT_EQ(high_water(), 1002u);
  // What is left of a list of free records there.
  state_->mapping().header().heads.node_free = 77;
  state_->mapping().header().heads.handle_free = 5;
  UniqueFd fd = copy_of(*state_);
  std::string why;
  auto next = succeed(std::move(fd), &why);
  ASSERT_NE(next, nullptr) << why;
  use(std::move(next));
  EXPECT_EQ(state_->mapping().header().fixed.layout_version, kLayoutWithoutFloors);
  EXPECT_EQ(state_->mapping().header().heads.node_free, 0u);
  EXPECT_EQ(state_->mapping().header().heads.handle_free, 0u);
  std::set<uint64_t> given;
  for (const NodeId id : ids) given.insert(id.value);
  for (const NodeId id : look_up_many(900)) EXPECT_TRUE(given.insert(id.value).second);
  EXPECT_EQ(high_water(), 1002u);
}

}  // namespace
}  // namespace fuse3::reconnect
