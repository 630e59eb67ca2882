// A million nodes: they fit, they take the memory they should, and a successor does not pay for
// them. Times are compared with one another only.
#include <chrono>

#include "sandbox.h"

namespace fuse3::reconnect {
namespace {

constexpr uint64_t kNodes = 1'000'000;
constexpr uint64_t kPerDirectory = 1000;

using Clock = std::chrono::steady_clock;

double ns_per(Clock::time_point since, uint64_t n) {
  return std::chrono::duration<double, std::nano>(Clock::now() - since).count() /
         static_cast<double>(n);
}

uint64_t allocated(const State& state) {
  struct stat st;
  return ::fstat(state.fd(), &st) == 0 ? static_cast<uint64_t>(st.st_blocks) * 512 : 0;
}

std::vector<NodeId> fill(State& state, const Slot& slot, uint64_t n) {
  std::vector<NodeId> ids;
  ids.reserve(n);
  NodeId directory = kRootNode;
  for (uint64_t i = 0; i < n; ++i) {
    const bool new_directory = i % kPerDirectory == 0;
    const std::string name = (new_directory ? "d" : "f") + std::to_string(i);
    const NodeId parent = new_directory ? kRootNode : directory;
    auto got =
        state.nodes().grant(slot, parent, name, 1000 + i, 0,
                            new_directory ? folder(1000 + i) : file(1000 + i), SlotPublish::none());
    if (!got) return {};
    if (new_directory) directory = got->id;
    ids.push_back(got->id);
  }
  return ids;
}

TEST(Large, AMillionNodes) {
  auto state = new_state(Geometry{});
  ASSERT_NE(state, nullptr);
  Slot slot = take_slot(*state);
  const uint64_t before = allocated(*state);

  auto start = Clock::now();
  const std::vector<NodeId> ids = fill(*state, slot, kNodes);
  ASSERT_EQ(ids.size(), kNodes);
  const double made = ns_per(start, kNodes);
  const uint64_t bytes = allocated(*state) - before;
  RecordProperty("new_node_ns", std::to_string(made));
  RecordProperty("bytes_per_node", std::to_string(bytes / kNodes));
  // 128 for the record and two hash heads.
  EXPECT_LE(bytes, kNodes * 145);
  EXPECT_EQ(state->nodes().count(), kNodes + 1);

  // A successor's work before its first request is the same with two nodes and with a million.
  auto small = new_state(Geometry{});
  Slot small_slot = take_slot(*small);
  ASSERT_EQ(fill(*small, small_slot, 2).size(), 2u);
  const auto reopen = [](const State& old) {
    double best = 1e18;
    for (int i = 0; i < 5; ++i) {
      std::string why;
      const auto since = Clock::now();
      auto next = succeed(UniqueFd(::dup(old.fd())), &why);
      best = std::min(best, ns_per(since, 1));
      EXPECT_NE(next, nullptr) << why;
    }
    return best;
  };
  const double with_few = reopen(*small);
  const double with_many = reopen(*state);
  RecordProperty("reopen_few_us", std::to_string(with_few / 1000));
  RecordProperty("reopen_many_us", std::to_string(with_many / 1000));
  EXPECT_LT(with_many, 20 * with_few + 1e6);

  std::string why;
  state = succeed(UniqueFd(::dup(state->fd())), &why);
  ASSERT_NE(state, nullptr) << why;
  slot = take_slot(*state);
  for (uint64_t i = kNodes; i-- > 0;) {
    ASSERT_TRUE(state->nodes().forget(slot, ids[i], 1, SlotPublish::none()).ok());
  }
  EXPECT_EQ(state->nodes().count(), 1u);
  // But for what is kept for the nodes that come next, all memory has gone back.
  const uint64_t left = allocated(*state) - before;
  RecordProperty("bytes_left", std::to_string(left));
  EXPECT_LE(left, 2u << 20);
  expect_sound(*state);
}

}  // namespace
}  // namespace fuse3::reconnect
