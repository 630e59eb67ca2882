// Random operations on the tables and on a model of them, with random deaths: at a crash point the
// memory is copied, and a successor goes on from the copy. The seed is printed and taken from
// FUSE3_TEST_SEED, the number of operations from FUSE3_TEST_STEPS.
#include <array>
#include <cstdlib>
#include <optional>
#include <random>

#include "../../unit/reconnect/sandbox.h"
#include "model.h"
#include "reconnect/crash_point.h"

namespace fuse3::reconnect {
namespace {

constexpr Geometry kTiny{
    .max_nodes = 2048, .max_handles = 128, .max_slots = 2, .slot_buffer_size = kPage};
constexpr uint64_t kObjects = 120;
constexpr CrashPoint kPoints[] = {CrashPoint::journal_filled,       CrashPoint::journal_published,
                                  CrashPoint::journal_half_applied, CrashPoint::journal_applied,
                                  CrashPoint::journal_cleared,      CrashPoint::cascade_step};

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 0) : otherwise;
}

class Comparison;
Comparison* running = nullptr;

class Comparison {
 public:
  explicit Comparison(uint64_t seed) : random_(seed), state_(new_state(kTiny)) {
    slot_ = take_slot(*state_);
    running = this;
    crash_hook = [](CrashPoint point) { running->reached(point); };
  }
  ~Comparison() {
    crash_hook = nullptr;
    running = nullptr;
  }

  void step() {
    before_ = model_;
    journals_ = 0;
    fs_forgot_.clear();
    // At any point of this operation, or at the next point of one kind, whenever it comes.
    crash_in_ = below(60) == 0 ? static_cast<int>(below(12)) : -1;
    if (below(400) == 0) crash_at_ = kPoints[below(std::size(kPoints))];
    operation();
    crash_in_ = -1;
    while (auto more = state_->nodes().next_fs_forget()) {
      fs_forgot_.emplace(object_of(more->fs_ino), more->count);
    }
    ASSERT_EQ(fs_forgot_, model_.left);
    model_.left.clear();
    if (copy_) {
      continue_from_copy();
    } else if (below(100) == 0) {
      compare();
    }
    if (model_.nodes.size() > 400) forget_all();
  }

  void compare();
  bool reached_all() const {
    for (const CrashPoint point : kPoints) {
      if (deaths_[static_cast<size_t>(point)] == 0) return false;
    }
    return true;
  }
  uint64_t deaths() const { return total_deaths_; }

 private:
  uint64_t below(uint64_t n) { return std::uniform_int_distribution<uint64_t>(0, n - 1)(random_); }

  // What the filesystem of this incarnation calls a file.
  uint64_t fs_ino(uint64_t object) const { return object == 1 ? 1 : base_ + object; }
  uint64_t object_of(uint64_t ino) const { return ino == 1 ? 1 : ino - base_; }
  static bool is_directory(uint64_t object) { return object == 1 || object % 3 == 0; }
  static Identity identity(uint64_t object) {
    if (object == 1) return Identity{.ino = 1, .dev = 7, .type = S_IFDIR};
    return is_directory(object) ? folder(object) : file(object);
  }

  uint64_t any_node() {
    auto at = model_.nodes.begin();
    std::advance(at, static_cast<long>(below(model_.nodes.size())));
    return at->first;
  }
  ModelEdge any_edge() {
    if (!model_.edges.empty() && below(3) != 0) {
      auto at = model_.edges.begin();
      std::advance(at, static_cast<long>(below(model_.edges.size())));
      return at->first;
    }
    return {any_node(), any_name()};
  }
  std::string any_name() {
    const uint64_t n = below(60);
    std::string name = "n" + std::to_string(n);
    if (n % 5 == 0) name.resize(20 + n * 7, 'x');
    return name;
  }

  void reached(CrashPoint point) {
    if (point == CrashPoint::journal_filled) ++journals_;
    if (copy_) return;
    const bool counted_down = crash_in_ >= 0 && crash_in_-- == 0;
    if (!counted_down && crash_at_ != point) return;
    crash_at_.reset();
    // What precedes the first transaction of an operation (a chunk that gets memory again) is not
    // part of what it means, nor is what follows it.
    died_after_publish_ = journals_ > 1 || (journals_ == 1 && point != CrashPoint::journal_filled);
    ++deaths_[static_cast<size_t>(point)];
    copy_ = copy_of(*state_);
  }

  void operation();
  void grant();
  void forget(bool refused);
  void grant_handle();
  void free_handle();
  void bind();
  void continue_from_copy();
  void forget_all();

  std::mt19937_64 random_;
  std::unique_ptr<State> state_;
  Slot slot_;
  Model model_, before_;
  uint64_t base_ = 1000;
  std::multiset<std::pair<uint64_t, uint64_t>> fs_forgot_;
  int crash_in_ = -1;
  std::optional<CrashPoint> crash_at_;
  int journals_ = 0;
  bool died_after_publish_ = false;
  UniqueFd copy_;
  std::array<uint64_t, static_cast<size_t>(CrashPoint::count)> deaths_{};
  uint64_t total_deaths_ = 0;
};

void Comparison::operation() {
  NodeTable& nodes = state_->nodes();
  const uint64_t kind = below(100);
  if (kind < 45) return grant();
  if (kind < 62) return forget(false);
  if (kind < 65) return forget(true);
  if (kind < 72) {
    const ModelEdge edge = any_edge();
    ASSERT_TRUE(nodes.remove_edge(slot_, NodeId{edge.parent}, edge.name, SlotPublish::none()).ok());
    return model_.remove_edge(edge);
  }
  const ModelEdge from = any_edge(), to = any_edge();
  if (kind < 80) {
    ASSERT_TRUE(nodes
                    .move_edge(slot_, NodeId{from.parent}, from.name, NodeId{to.parent}, to.name,
                               SlotPublish::none())
                    .ok());
    return model_.move_edge(from, to);
  }
  if (kind < 84) {
    ASSERT_TRUE(nodes
                    .exchange_edges(slot_, NodeId{from.parent}, from.name, NodeId{to.parent},
                                    to.name, SlotPublish::none())
                    .ok());
    return model_.exchange_edges(from, to);
  }
  if (kind < 90) return grant_handle();
  if (kind < 96) return free_handle();
  bind();
}

void Comparison::grant() {
  const uint64_t object = below(20) == 0 ? 1 : 2 + below(kObjects);
  const ModelEdge edge = below(30) == 0 ? ModelEdge{any_node(), ""} : any_edge();
  const bool fresh = below(8) == 0;
  const auto candidates = model_.candidates(edge, object, fresh);
  const bool with_handle = below(5) == 0 && model_.handles.size() < 100;

  Txn txn(*state_, slot_);
  auto granted = state_->nodes().grant_in(txn, NodeId{edge.parent}, edge.name, fs_ino(object), 0,
                                          identity(object), fresh ? Fresh::yes : Fresh::no);
  ASSERT_TRUE(granted.ok()) << granted.error();
  const uint64_t id = granted->id.value;
  if (candidates.empty()) {
    ASSERT_FALSE(model_.nodes.contains(id)) << id;
  } else {
    ASSERT_TRUE(candidates.contains(id)) << id << " for file " << object;
  }
  if (with_handle) {
    auto handle =
        state_->handles().grant_in(txn, granted->id, 500 + object, 2, 0,
                                   is_directory(object) ? HandleKind::directory : HandleKind::file);
    ASSERT_TRUE(handle.ok());
    ASSERT_FALSE(model_.handles.contains(handle->value));
    model_.handles[handle->value] = ModelHandle{id, 500 + object};
  }
  ASSERT_TRUE(txn.commit().ok());
  model_.grant(id, edge, object, is_directory(object));
}

void Comparison::forget(bool refused) {
  const uint64_t id = any_node();
  const ModelNode& node = model_.nodes.at(id);
  if (refused && node.kernel_count == 0) return;
  const uint64_t n = refused ? 1 : below(2) == 0 ? node.kernel_count : 1 + below(4);
  const uint64_t object = node.object;
  auto tell = refused ? state_->nodes().ungrant(slot_, NodeId{id}, SlotPublish::none())
                      : state_->nodes().forget(slot_, NodeId{id}, n, SlotPublish::none());
  ASSERT_TRUE(tell.ok());
  ASSERT_EQ(tell->count, model_.forget(id, n, refused)) << id;
  if (tell->count != 0) {
    ASSERT_EQ(tell->fs_ino, fs_ino(object));
  }
}

void Comparison::grant_handle() {
  if (model_.handles.size() >= 100) return;
  const uint64_t node = any_node();
  const uint64_t fh = 1 + below(1u << 30);
  auto id =
      state_->handles().grant(slot_, NodeId{node}, fh, 0, 0, HandleKind::file, SlotPublish::none());
  ASSERT_TRUE(id.ok());
  ASSERT_FALSE(model_.handles.contains(id->value));
  model_.handles[id->value] = ModelHandle{node, fh};
}

void Comparison::free_handle() {
  if (model_.handles.empty()) return;
  auto at = model_.handles.begin();
  std::advance(at, static_cast<long>(below(model_.handles.size())));
  ASSERT_TRUE(state_->handles().free(slot_, HandleId{at->first}, SlotPublish::none()).ok());
  model_.handles.erase(at);
}

// The library's own lookup of a stale node.
void Comparison::bind() {
  const uint64_t id = any_node();
  ModelNode& node = model_.nodes.at(id);
  for (const auto& [other, n] : model_.nodes) {
    if (other != id && n.object == node.object && n.fs_count != 0) return;
  }
  const uint32_t index = state_->nodes().find(NodeId{id})->index;
  const Bind expected = node.fs_count == 0 ? Bind::bound : Bind::again;
  ASSERT_EQ(state_->nodes().bind(index, fs_ino(node.object)), expected);
  ++node.fs_count;
}

void Comparison::continue_from_copy() {
  ++total_deaths_;
  std::string why;
  auto next = succeed(std::move(copy_), &why);
  ASSERT_NE(next, nullptr) << why;
  state_ = std::move(next);
  slot_ = take_slot(*state_);
  base_ += 1000;
  if (!died_after_publish_) model_ = before_;
  model_.unbind_all();
  compare();
}

// Until the tables are empty, so that whatever leaks shows.
void Comparison::forget_all() {
  crash_at_.reset();
  for (bool any = true; any;) {
    any = false;
    for (const auto& [id, node] : model_.nodes) {
      if (id == 1 || node.kernel_count == 0) continue;
      const uint64_t n = node.kernel_count;
      const uint64_t told =
          state_->nodes().forget(slot_, NodeId{id}, n, SlotPublish::none())->count;
      ASSERT_EQ(told, model_.forget(id, n, false));
      any = true;
      break;
    }
  }
  while (state_->nodes().next_fs_forget()) {
  }
  model_.left.clear();
  compare();
}

void Comparison::compare() {
  std::string why;
  ASSERT_TRUE(state_->verify_full(&why).ok()) << why;
  NodeTable& nodes = state_->nodes();
  ASSERT_EQ(nodes.count(), model_.known());
  for (const auto& [id, node] : model_.nodes) {
    auto ref = nodes.find(NodeId{id});
    ASSERT_TRUE(ref.ok()) << id;
    ASSERT_EQ(nodes.kernel_count(ref->index), node.kernel_count) << id;
    ASSERT_EQ(nodes.bound(ref->index), node.fs_count != 0) << id;
    if (id != 1) {
      ASSERT_EQ(nodes.fs_count(ref->index), node.fs_count) << id;
    }
    ASSERT_EQ(nodes.identity(ref->index).ino, id == 1 ? nodes.identity(1).ino : node.object);
    Edges edges;
    for (const ModelEdge& edge : node.edges) edges.emplace(edge.parent, edge.name);
    ASSERT_EQ(edges_of(*state_, NodeId{id}), edges) << id;
  }
  uint64_t live = 0;
  for (uint32_t i = 1; i < state_->mapping().header().heads.node_high_water; ++i) {
    live += tag_kind(state_->mapping().nodes()[i].tag) == static_cast<uint32_t>(Kind::node);
  }
  ASSERT_EQ(live, model_.nodes.size());
  ASSERT_EQ(state_->handles().count(), model_.handles.size());
  for (const auto& [id, handle] : model_.handles) {
    auto ref = state_->handles().find(HandleId{id});
    ASSERT_TRUE(ref.ok());
    ASSERT_EQ(state_->handles().node(ref->index).value, handle.node);
    ASSERT_EQ(state_->handles().bound(ref->index), handle.fs_fh != 0);
    if (handle.fs_fh != 0) {
      ASSERT_EQ(state_->handles().fs_fh(ref->index), handle.fs_fh);
    }
  }
}

TEST(Model, RandomOperationsAndDeaths) {
  const uint64_t seed = from_environment("FUSE3_TEST_SEED", std::random_device{}());
  const uint64_t steps = from_environment("FUSE3_TEST_STEPS", 100'000);
  std::printf("FUSE3_TEST_SEED=%llu FUSE3_TEST_STEPS=%llu\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(steps));
  std::fflush(stdout);
  Comparison run(seed);
  for (uint64_t i = 0; i < steps; ++i) {
    run.step();
    ASSERT_FALSE(::testing::Test::HasFatalFailure()) << "at step " << i;
  }
  run.compare();
  std::printf("%llu deaths\n", static_cast<unsigned long long>(run.deaths()));
  if (steps >= 100'000) {
    EXPECT_TRUE(run.reached_all()) << "a crash point was never the one to die at";
  }
}

}  // namespace
}  // namespace fuse3::reconnect
