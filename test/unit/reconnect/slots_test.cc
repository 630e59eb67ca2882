#include "reconnect/slots.h"

#include <array>
#include <cstring>

#include "sandbox.h"

namespace fuse3::reconnect {
namespace {

TEST(Slots, GrowUpToTheLimitAndComeBack) {
  auto state = new_state();
  std::vector<Slot> taken;
  for (;;) {
    auto slot = state->slots().acquire();
    if (!slot) {
      EXPECT_EQ(slot.error(), EAGAIN);
      break;
    }
    taken.push_back(*slot);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(slot->buffer().data()) % kPage, 0u);
    EXPECT_EQ(slot->buffer().size(), kSmall.slot_buffer_size);
    EXPECT_FALSE(slot->used());
  }
  EXPECT_EQ(taken.size(), kSmall.max_slots);
  const uint32_t index = taken[3].index();
  state->slots().release(taken[3]);
  EXPECT_EQ(take_slot(*state).index(), index);
}

TEST(Slots, Stages) {
  auto state = new_state();
  Slot slot = take_slot(*state);
  slot.arm(5);
  EXPECT_EQ(slot.device(), 5u);
  EXPECT_TRUE(slot.request().empty());
  receive(slot, 100);
  EXPECT_TRUE(slot.used());
  EXPECT_EQ(slot.request().size(), 100u);
  EXPECT_EQ(slot.stage(), Stage::free);
  slot.start_running();
  EXPECT_EQ(slot.stage(), Stage::running);
  auto space = slot.reply_space(200);
  ASSERT_EQ(space.size(), 200u);
  EXPECT_EQ(slot.offset_of(space.data()), 128u);
  space[0] = std::byte{9};
  slot.publish_reply(128, 200);
  EXPECT_EQ(slot.stage(), Stage::replied);
  EXPECT_EQ(slot.reply().data(), space.data());
  EXPECT_EQ(slot.reply().size(), 200u);
  slot.finish();
  EXPECT_FALSE(slot.used());
}

TEST(Slots, ANewNumberIsThatOfTheReplyToo) {
  const auto number_at = [](std::span<const std::byte> bytes) {
    uint64_t number = 0;
    std::memcpy(&number, bytes.data() + 8, sizeof number);
    return number;
  };
  auto state = new_state();
  Slot slot = take_slot(*state);
  slot.arm(0);
  receive(slot, 100);
  slot.set_request_id(RequestId{kResentBit | 8});
  EXPECT_EQ(number_at(slot.request()), kResentBit | 8);
  const auto room = slot.reply_space(16);
  ASSERT_EQ(room.size(), 16u);
  slot.start_running();
  slot.publish_reply(slot.offset_of(room.data()), 16);
  slot.set_request_id(RequestId{kResentBit | 10});
  EXPECT_EQ(number_at(slot.request()), kResentBit | 10);
  EXPECT_EQ(number_at(slot.reply()), kResentBit | 10);
  EXPECT_EQ(slot.length(), 100u);
  // A damaged one: nothing outside of it is touched.
  slot.publish_reply(static_cast<uint32_t>(slot.buffer().size()) - 8, 64);
  slot.set_request_id(RequestId{12});
  EXPECT_EQ(number_at(slot.request()), 12u);
}

TEST(Slots, ReplySpaceEndsWithTheBuffer) {
  auto state = new_state();
  Slot slot = take_slot(*state);
  receive(slot, 65);
  const size_t room = kSmall.slot_buffer_size - 128;
  EXPECT_EQ(slot.reply_space(room).size(), room);
  EXPECT_TRUE(slot.reply_space(room + 1).empty());
  EXPECT_TRUE(slot.reply_space(SIZE_MAX).empty());
}

TEST(Slots, ImpossibleLengths) {
  auto state = new_state();
  Slot slot = take_slot(*state);
  receive(slot, 100);
  store(*reinterpret_cast<uint32_t*>(slot.buffer().data()), kSmall.slot_buffer_size + 1);
  EXPECT_TRUE(slot.request().empty());
  EXPECT_TRUE(slot.used());
  EXPECT_TRUE(slot.reply_space(1).empty());
  slot.publish_reply(kSmall.slot_buffer_size - 8, 9);
  EXPECT_TRUE(slot.reply().empty());
  slot.publish_reply(UINT32_MAX, UINT32_MAX);
  EXPECT_TRUE(slot.reply().empty());
}

TEST(Slots, SuccessorSeesWhatIsInHand) {
  auto state = new_state();
  std::array<Slot, 5> slots;
  for (Slot& slot : slots) slot = take_slot(*state);
  receive(slots[1], 100);
  receive(slots[2], 100);
  slots[2].start_running();
  slots[2].add_death(1);
  slots[2].set_note(3, 33);
  slots[2].set_flags(4);
  receive(slots[3], 100);
  slots[3].publish_reply(128, 16);
  // Done but for the last store.
  slots[4].publish_reply(128, 16);
  std::string why;
  auto next = succeed(copy_of(*state), &why);
  ASSERT_NE(next, nullptr) << why;
  std::vector<uint32_t> used;
  next->slots().for_each_used([&](const Slot& slot) { used.push_back(slot.index()); });
  EXPECT_EQ(used, (std::vector<uint32_t>{1, 2, 3}));
  const Slot running = next->slots().at(2);
  EXPECT_EQ(running.stage(), Stage::running);
  EXPECT_EQ(running.deaths(), 1u);
  EXPECT_EQ(running.note(3), 33u);
  EXPECT_EQ(running.flags(), 4u);
  // The others can be had, and those in hand cannot.
  EXPECT_EQ(take_slot(*next).index(), 0u);
  EXPECT_EQ(take_slot(*next).index(), 4u);
  EXPECT_EQ(take_slot(*next).index(), 5u);
}

TEST(Slots, ArmForgetsTheLastRequest) {
  auto state = new_state();
  Slot slot = take_slot(*state);
  receive(slot, 100);
  slot.add_death(1);
  slot.set_note(0, 1);
  slot.begin_counting(128);
  EXPECT_TRUE(slot.counted_reply().empty());
  slot.finish();
  slot.arm(0);
  EXPECT_EQ(slot.deaths(), 0u);
  EXPECT_EQ(slot.note(0), 0u);
}

}  // namespace
}  // namespace fuse3::reconnect
