// What the tables cost a request.
#include <benchmark/benchmark.h>

#include "sandbox.h"

namespace fuse3::reconnect {
namespace {

struct Bench {
  explicit Bench(uint64_t nodes) : state(new_state(Geometry{})), slot(*state->slots().acquire()) {
    ids.reserve(nodes);
    for (uint64_t i = 0; i < nodes; ++i) ids.push_back(look_up(i));
  }

  NodeId look_up(uint64_t i) {
    char name[24];
    const int length =
        std::snprintf(name, sizeof name, "file-%llu", static_cast<unsigned long long>(i));
    return state->nodes()
        .grant(slot, kRootNode, {name, static_cast<size_t>(length)}, 1000 + i, 0, file(1000 + i),
               SlotPublish::replied(128, 144))
        ->id;
  }

  std::unique_ptr<State> state;
  Slot slot;
  std::vector<NodeId> ids;
};

// Names made and numbered outside of what is measured would be another program: this is their
// price.
void name_alone(benchmark::State& run) {
  uint64_t i = 0;
  char name[24];
  for (auto _ : run) {
    benchmark::DoNotOptimize(
        std::snprintf(name, sizeof name, "file-%llu", static_cast<unsigned long long>(i++)));
  }
}

void grant_known_node(benchmark::State& run) {
  Bench b(static_cast<uint64_t>(run.range(0)));
  NodeTable& nodes = b.state->nodes();
  const SlotPublish publish = SlotPublish::replied(128, 144);
  for (auto _ : run) {
    benchmark::DoNotOptimize(
        nodes.grant(b.slot, kRootNode, "file-7", 1007, 0, file(1007), publish));
  }
}

void grant_known_nodes_of_many(benchmark::State& run) {
  const auto n = static_cast<uint64_t>(run.range(0));
  Bench b(n);
  uint64_t i = 0;
  for (auto _ : run) benchmark::DoNotOptimize(b.look_up((i += 7919) % n));
}

void grant_new_node(benchmark::State& run) {
  Bench b(0);
  uint64_t i = 0;
  for (auto _ : run) benchmark::DoNotOptimize(b.look_up(i++));
}

void grant_and_forget(benchmark::State& run) {
  Bench b(static_cast<uint64_t>(run.range(0)));
  NodeTable& nodes = b.state->nodes();
  for (auto _ : run) {
    const NodeId id =
        nodes.grant(b.slot, kRootNode, "new", 7, 0, file(7), SlotPublish::replied(128, 144))->id;
    benchmark::DoNotOptimize(nodes.forget(b.slot, id, 1, SlotPublish::done()));
  }
}

void forget_a_part(benchmark::State& run) {
  Bench b(10);
  NodeTable& nodes = b.state->nodes();
  b.state->mapping().nodes()[static_cast<uint32_t>(b.ids[5].value)].kernel_count = UINT64_MAX;
  for (auto _ : run) {
    benchmark::DoNotOptimize(nodes.forget(b.slot, b.ids[5], 1, SlotPublish::done()));
  }
}

void find_and_bound(benchmark::State& run) {
  Bench b(1000);
  NodeTable& nodes = b.state->nodes();
  size_t i = 0;
  for (auto _ : run) {
    auto ref = nodes.find(b.ids[i = (i + 7) % 1000]);
    benchmark::DoNotOptimize(nodes.bound(ref->index) ? nodes.fs_ino(ref->index) : 0);
  }
}

void open_and_release(benchmark::State& run) {
  Bench b(10);
  HandleTable& handles = b.state->handles();
  for (auto _ : run) {
    auto id =
        handles.grant(b.slot, b.ids[3], 1, 0, 0, HandleKind::file, SlotPublish::replied(128, 32));
    benchmark::DoNotOptimize(handles.free(b.slot, *id, SlotPublish::replied(128, 16)));
  }
}

void find_handle(benchmark::State& run) {
  Bench b(1);
  HandleTable& handles = b.state->handles();
  const HandleId id =
      *handles.grant(b.slot, b.ids[0], 1, 0, 0, HandleKind::file, SlotPublish::none());
  for (auto _ : run) {
    auto ref = handles.find(id);
    benchmark::DoNotOptimize(handles.bound(ref->index) ? handles.fs_fh(ref->index) : 0);
  }
}

void slot_without_table(benchmark::State& run) {
  Bench b(0);
  for (auto _ : run) {
    b.slot.arm(0);
    b.slot.start_running();
    b.slot.publish_reply(128, 16);
    b.slot.finish();
  }
}

BENCHMARK(name_alone);
BENCHMARK(grant_known_node)->Arg(10);
BENCHMARK(grant_known_nodes_of_many)->Arg(1000)->Arg(1'000'000);
BENCHMARK(grant_new_node)->Iterations(10'000);
BENCHMARK(grant_new_node)->Iterations(1'000'000);
BENCHMARK(grant_and_forget)->Arg(10)->Arg(1'000'000);
BENCHMARK(forget_a_part);
BENCHMARK(find_and_bound);
BENCHMARK(open_and_release);
BENCHMARK(find_handle);
BENCHMARK(slot_without_table);

}  // namespace
}  // namespace fuse3::reconnect

BENCHMARK_MAIN();
