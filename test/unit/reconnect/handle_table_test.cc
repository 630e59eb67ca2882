#include "reconnect/handle_table.h"

#include "sandbox.h"

namespace fuse3::reconnect {
namespace {

class HandleTableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    state_ = new_state();
    ASSERT_NE(state_, nullptr);
    slot_ = take_slot(*state_);
  }
  void TearDown() override {
    if (state_) expect_sound(*state_);
  }
  HandleTable& handles() { return state_->handles(); }
  HandleId open(uint64_t fs_fh) {
    auto id = handles().grant(slot_, NodeId{1}, fs_fh, 2, 4, HandleKind::file, SlotPublish::none());
    EXPECT_TRUE(id.ok());
    return id ? *id : HandleId{};
  }

  std::unique_ptr<State> state_;
  Slot slot_;
};

TEST_F(HandleTableTest, OpenAndRelease) {
  const HandleId id = open(0);
  auto ref = handles().find(id);
  ASSERT_TRUE(ref.ok());
  EXPECT_TRUE(handles().bound(ref->index));
  EXPECT_EQ(handles().fs_fh(ref->index), 0u);
  EXPECT_EQ(handles().open_flags(ref->index), 2u);
  EXPECT_EQ(handles().fopen_flags(ref->index), 4u);
  EXPECT_EQ(handles().kind(ref->index), HandleKind::file);
  EXPECT_EQ(handles().node(ref->index), kRootNode);
  EXPECT_EQ(handles().count(), 1u);
  ASSERT_TRUE(handles().free(slot_, id, SlotPublish::none()).ok());
  EXPECT_EQ(handles().count(), 0u);
  EXPECT_EQ(handles().find(id).error(), ESTALE);
  EXPECT_EQ(handles().free(slot_, id, SlotPublish::none()).error(), ESTALE);
  EXPECT_NE(open(0), id);
}

TEST_F(HandleTableTest, HandlesThatNeverWere) {
  for (uint64_t id : {uint64_t{0}, uint64_t{1}, uint64_t{1023}, uint64_t{1024}, UINT64_MAX}) {
    EXPECT_EQ(handles().find(HandleId{id}).error(), ESTALE);
  }
}

TEST_F(HandleTableTest, ReleaseOfAnUnknownHandleEmptiesTheSlot) {
  receive(slot_, 64);
  slot_.start_running();
  EXPECT_EQ(handles().free(slot_, HandleId{77}, SlotPublish::done()).error(), ESTALE);
  EXPECT_FALSE(slot_.used());
}

TEST_F(HandleTableTest, RebindOnceInASuccessor) {
  const HandleId id = open(7);
  const uint32_t index = handles().find(id)->index;
  EXPECT_FALSE(handles().rebind(id, 8)) << "it is bound";
  std::string why;
  auto next = succeed(copy_of(*state_), &why);
  ASSERT_NE(next, nullptr) << why;
  state_ = std::move(next);
  slot_ = take_slot(*state_);
  ASSERT_TRUE(handles().find(id).ok());
  EXPECT_FALSE(handles().bound(index));
  EXPECT_TRUE(handles().rebind(id, 9));
  EXPECT_FALSE(handles().rebind(id, 10));
  EXPECT_EQ(handles().fs_fh(index), 9u);
  EXPECT_FALSE(handles().rebind(HandleId{99}, 1));
}

TEST_F(HandleTableTest, WhoPolledIsKnownToASuccessor) {
  const HandleId polled = open(7);
  const HandleId closed = open(8);
  open(9);
  EXPECT_TRUE(handles().poll_handles().empty());
  handles().set_poll_handle(handles().find(polled)->index, 11);
  handles().set_poll_handle(handles().find(closed)->index, 12);
  ASSERT_TRUE(handles().free(slot_, closed, SlotPublish::none()).ok());
  std::string why;
  state_ = succeed(copy_of(*state_), &why);
  ASSERT_NE(state_, nullptr) << why;
  slot_ = take_slot(*state_);
  EXPECT_EQ(handles().poll_handles(), std::vector<uint64_t>{11});
  // In the record of the one that was closed.
  open(10);
  EXPECT_EQ(handles().poll_handles(), std::vector<uint64_t>{11});
}

TEST_F(HandleTableTest, TableFull) {
  std::vector<HandleId> ids;
  for (;;) {
    auto id =
        handles().grant(slot_, kRootNode, 1, 0, 0, HandleKind::directory, SlotPublish::none());
    if (!id) {
      EXPECT_EQ(id.error(), ENOMEM);
      break;
    }
    ids.push_back(*id);
  }
  EXPECT_EQ(ids.size(), kSmall.max_handles - 1);
  uint32_t seen = 0;
  handles().for_each([&](uint32_t) { ++seen; });
  EXPECT_EQ(seen, ids.size());
  for (const HandleId id : ids) ASSERT_TRUE(handles().free(slot_, id, SlotPublish::none()).ok());
  open(1);
}

TEST_F(HandleTableTest, CreateIsOneTransaction) {
  uint64_t node_id = 0, generation = 9, handle_id = 0;
  {
    Txn txn(*state_, slot_);
    auto node = state_->nodes().grant_in(txn, kRootNode, "made", 100, 3, file(5), Fresh::yes);
    ASSERT_TRUE(node.ok());
    auto handle = handles().grant_in(txn, node->id, 6, 0, 0, HandleKind::file);
    ASSERT_TRUE(handle.ok());
    node_id = node->id.value;
    generation = node->generation;
    handle_id = handle->value;
    // Nothing of it is there yet.
    EXPECT_FALSE(state_->nodes().find(node->id).ok());
    EXPECT_FALSE(handles().find(*handle).ok());
    ASSERT_TRUE(txn.commit().ok());
  }
  EXPECT_EQ(generation, 3u);
  auto node = state_->nodes().find(NodeId{node_id});
  ASSERT_TRUE(node.ok());
  EXPECT_TRUE(state_->nodes().bound(node->index));
  ASSERT_TRUE(handles().find(HandleId{handle_id}).ok());
}

TEST_F(HandleTableTest, AbandonedTransactionLeavesNothing) {
  {
    Txn txn(*state_, slot_);
    auto node = state_->nodes().grant_in(txn, kRootNode, "made", 100, 3, file(5), Fresh::yes);
    ASSERT_TRUE(node.ok());
    ASSERT_TRUE(handles().grant_in(txn, node->id, 6, 0, 0, HandleKind::file).ok());
  }
  EXPECT_EQ(handles().count(), 0u);
  EXPECT_EQ(state_->nodes().count(), 1u);
  EXPECT_EQ(state_->nodes().node_id_of_fs_ino(100), std::nullopt);
}

TEST_F(HandleTableTest, ReplyIsPublishedWithItsIds) {
  receive(slot_, 64);
  slot_.start_running();
  auto space = slot_.reply_space(32);
  SlotPublish publish = SlotPublish::replied(slot_.offset_of(space.data()), 32);
  publish.handle_id = reinterpret_cast<uint64_t*>(space.data());
  auto id = handles().grant(slot_, kRootNode, 5, 0, 0, HandleKind::file, publish);
  ASSERT_TRUE(id.ok());
  EXPECT_EQ(slot_.stage(), Stage::replied);
  EXPECT_EQ(*reinterpret_cast<uint64_t*>(slot_.reply().data()), id->value);
}

}  // namespace
}  // namespace fuse3::reconnect
