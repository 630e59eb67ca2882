// Every named crash point is reached, and a process that dies there leaves a sound state.
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "../../unit/reconnect/sandbox.h"
#include "reconnect/crash_point.h"

namespace fuse3::reconnect {
namespace {

struct Collector {
  State* state = nullptr;
  std::set<CrashPoint> reached;
  int unsound = 0;
};
Collector collector;

void on_point(CrashPoint point) {
  if (!collector.state || !collector.reached.insert(point).second) return;
  const auto hook = std::exchange(crash_hook, nullptr);
  std::string why;
  auto next = succeed(copy_of(*collector.state), &why);
  if (!next || !next->verify_full(&why)) {
    ++collector.unsound;
    ADD_FAILURE() << "after point " << static_cast<uint32_t>(point) << ": " << why;
  }
  crash_hook = hook;
}

// What makes a path go away with its last file.
void use(State& state) {
  const auto none = SlotPublish::none();
  ASSERT_TRUE(state.add_device().ok());
  Slot slot = take_slot(state);
  const NodeId d = state.nodes().grant(slot, kRootNode, "d", 10, 0, folder(10), none)->id;
  const NodeId f = state.nodes().grant(slot, d, "f", 11, 0, file(11), none)->id;
  ASSERT_TRUE(state.nodes().forget(slot, d, 1, none).ok());
  ASSERT_TRUE(state.nodes().forget(slot, f, 1, none).ok());
  // More than one part of the table, given back and wanted again.
  for (int round = 0; round < 2; ++round) {
    std::vector<NodeId> many;
    for (uint64_t i = 0; i < 200; ++i) {
      const std::string name = "n" + std::to_string(i);
      many.push_back(
          state.nodes().grant(slot, kRootNode, name, 100 + i, 0, file(100 + i), none)->id);
    }
    for (const NodeId id : many) ASSERT_TRUE(state.nodes().forget(slot, id, 1, none).ok());
  }
  receive(slot, 64);
  slot.start_running();
  slot.publish_reply(64, 16);
  slot.finish();
  ASSERT_TRUE(state.save_init_request(std::array<std::byte, 8>{}).ok());
  ASSERT_TRUE(state.claim(state.generation(), ::getpid()).ok());
}

TEST(CrashPoints, AllAreReached) {
  auto state = new_state();
  ASSERT_NE(state, nullptr);
  collector = Collector{.state = state.get(), .reached = {}};
  crash_hook = on_point;
  use(*state);
  crash_hook = nullptr;
  for (uint32_t i = 0; i < static_cast<uint32_t>(CrashPoint::count); ++i) {
    EXPECT_TRUE(collector.reached.contains(static_cast<CrashPoint>(i)))
        << "nothing reached point " << i;
  }
  EXPECT_EQ(collector.unsound, 0);
}

}  // namespace
}  // namespace fuse3::reconnect
