#include "reconnect/stream_table.h"

#include <random>

#include "sandbox.h"

namespace fuse3::reconnect {
namespace {

class StreamTableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    state_ = new_state();
    ASSERT_NE(state_, nullptr);
    slot_ = take_slot(*state_);
  }
  void TearDown() override {
    if (state_) expect_sound(*state_);
  }
  StreamTable& streams() { return state_->streams(); }
  HandleId open() {
    const auto id = state_->handles().grant(slot_, kRootNode, 1, 0, 0, HandleKind::directory,
                                            SlotPublish::none());
    EXPECT_TRUE(id.ok());
    return id ? *id : HandleId{};
  }
  void close(HandleId id) {
    EXPECT_TRUE(state_->handles().free(slot_, id, SlotPublish::none()).ok());
  }
  uint32_t index(HandleId id) { return state_->handles().find(id)->index; }
  // Offsets from `first` on; a name is its offset and `names`.
  std::optional<uint32_t> put(HandleId id, uint32_t position, uint64_t first, uint32_t count,
                              uint64_t names = 1000) {
    std::vector<StreamEntry> entries;
    for (uint64_t i = first; i < first + count; ++i) entries.push_back({i, names + i});
    return streams().put(slot_, id, position, entries);
  }
  std::vector<uint64_t> offsets(HandleId id) {
    std::vector<uint64_t> result;
    for (const auto& entry : streams().entries(index(id), 0, UINT32_MAX)) {
      result.push_back(entry.offset);
    }
    return result;
  }
  void succeed_it() {
    std::string why;
    auto next = succeed(copy_of(*state_), &why);
    ASSERT_NE(next, nullptr) << why;
    state_ = std::move(next);
    slot_ = take_slot(*state_);
  }
  uint32_t records() { return state_->mapping().header().heads.node_high_water; }

  std::unique_ptr<State> state_;
  Slot slot_;
};

TEST_F(StreamTableTest, PlacesOfAStream) {
  const HandleId id = open();
  EXPECT_EQ(streams().position(index(id), 0), 0u);
  EXPECT_EQ(streams().position(index(id), 1), std::nullopt);
  EXPECT_EQ(put(id, 0, 1, 10), 10u);
  EXPECT_EQ(put(id, 10, 11, 900), 910u);
  EXPECT_EQ(streams().position(index(id), 910), 910u);
  EXPECT_EQ(streams().position(index(id), 903), 903u);
  EXPECT_EQ(streams().position(index(id), 7), 7u);
  EXPECT_EQ(streams().position(index(id), 911), std::nullopt);
  EXPECT_EQ(streams().entries(index(id), 905, 3).size(), 3u);
  EXPECT_EQ(streams().entries(index(id), 905, 3)[0].name, 1906u);
  EXPECT_EQ(streams().entries(index(id), 909, 100).size(), 1u);
  EXPECT_EQ(put(id, 911, 912, 1), std::nullopt) << "there is a gap";
}

TEST_F(StreamTableTest, TheSameAgainKeepsWhatFollows) {
  const HandleId id = open();
  put(id, 0, 1, 30);
  EXPECT_EQ(put(id, 3, 4, 10), 13u);
  EXPECT_EQ(offsets(id).size(), 30u);
  EXPECT_EQ(put(id, 25, 26, 10), 35u);
  EXPECT_EQ(offsets(id).size(), 35u);
}

TEST_F(StreamTableTest, OtherEntriesReplaceWhatFollows) {
  const HandleId id = open();
  put(id, 0, 1, 30);
  EXPECT_EQ(put(id, 8, 9, 4, 5000), 12u);
  EXPECT_EQ(streams().entries(index(id), 0, 100).size(), 12u);
  EXPECT_EQ(streams().entries(index(id), 8, 1)[0].name, 5009u);
  EXPECT_EQ(streams().position(index(id), 20), std::nullopt);
  const uint32_t before = records();
  EXPECT_EQ(put(id, 12, 100, 16), 28u);
  EXPECT_EQ(records(), before) << "the records are still the stream's";
}

TEST_F(StreamTableTest, RecordsAreUsedAgain) {
  const HandleId first = open();
  const HandleId second = open();
  put(first, 0, 1, 500);
  put(second, 0, 1, 20);
  const uint32_t before = records();
  close(first);
  close(second);
  const HandleId third = open();
  EXPECT_TRUE(offsets(third).empty());
  put(third, 0, 1, 300);
  const HandleId fourth = open();
  put(fourth, 0, 1, 200);
  EXPECT_EQ(records(), before);
  EXPECT_EQ(offsets(third).size(), 300u);
  EXPECT_EQ(offsets(fourth).size(), 200u);
}

TEST_F(StreamTableTest, SuccessorKnowsThem) {
  const HandleId id = open();
  put(id, 0, 1, 100);
  succeed_it();
  EXPECT_EQ(streams().position(index(id), 60), 60u);
  EXPECT_TRUE(state_->handles().rebind(id, 5));
  EXPECT_EQ(streams().opened(index(id)), StreamTable::Opened::before);
  EXPECT_EQ(put(id, 60, 1u << 20, 10, 7), 70u);
  const HandleId other = open();
  EXPECT_EQ(streams().opened(index(other)), StreamTable::Opened::here);
  streams().start_anew(index(id));
  EXPECT_EQ(streams().opened(index(id)), StreamTable::Opened::here);
  EXPECT_TRUE(offsets(id).empty());
  EXPECT_EQ(put(id, 0, 1, 100), 100u);
}

TEST_F(StreamTableTest, OffsetsOfItsOwn) {
  std::set<uint64_t> made;
  for (int i = 0; i < 10000; ++i) made.insert(streams().new_offset());
  succeed_it();
  for (int i = 0; i < 10000; ++i) made.insert(streams().new_offset());
  EXPECT_EQ(made.size(), 20000u);
  EXPECT_GT(*made.begin(), uint64_t{1} << 61);
  EXPECT_LT(*made.rbegin(), uint64_t{1} << 63);
}

TEST_F(StreamTableTest, HalfOfTheTableIsForNodes) {
  const HandleId id = open();
  uint32_t position = 0;
  while (const auto next = put(id, position, position + 1, 100)) position = *next;
  EXPECT_GT(position, kSmall.max_nodes / 2 * 6);
  EXPECT_LE(records(), kSmall.max_nodes / 2);
  EXPECT_TRUE(
      state_->nodes().grant(slot_, kRootNode, "x", 100, 1, file(5), SlotPublish::none()).ok());
  close(id);
  const HandleId other = open();
  EXPECT_EQ(put(other, 0, 1, 100), 100u);
}

TEST_F(StreamTableTest, FilesAndHandlesThatAreGoneHaveNone) {
  const HandleId id = open();
  close(id);
  EXPECT_EQ(put(id, 0, 1, 3), std::nullopt);
}

TEST_F(StreamTableTest, AnyOrder) {
  std::mt19937 random(1);
  std::vector<std::pair<HandleId, std::vector<uint64_t>>> all;
  uint64_t next = 1;
  for (int i = 0; i < 3000; ++i) {
    if (all.size() < 5) all.emplace_back(open(), std::vector<uint64_t>{});
    auto& [id, model] = all[random() % all.size()];
    const auto position = static_cast<uint32_t>(random() % (model.size() + 1));
    const auto count = static_cast<uint32_t>(random() % 60);
    ASSERT_EQ(put(id, position, next, count), position + count);
    if (count > 0) model.resize(position);
    for (uint32_t k = 0; k < count; ++k) model.push_back(next++);
    ASSERT_EQ(offsets(id), model);
    if (random() % 20 == 0) {
      close(id);
      all.erase(std::find_if(all.begin(), all.end(), [&](auto& it) { return it.first == id; }));
    }
    if (random() % 300 == 0) succeed_it();
  }
}

}  // namespace
}  // namespace fuse3::reconnect
