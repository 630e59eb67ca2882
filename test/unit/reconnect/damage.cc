#include "damage.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "reconnect/lock_conflicts.h"
#include "reconnect/mapping_layout.h"
#include "reconnect/state.h"

namespace fuse3::reconnect {
namespace {

constexpr Geometry kTiny{
    .max_nodes = 128, .max_handles = 32, .max_slots = 2, .slot_buffer_size = kPage};
const std::string kLong(200, 'l');

Identity file(uint64_t ino) {
  return {.ino = ino, .dev = 7, .type = S_IFREG};
}
Identity folder(uint64_t ino) {
  return {.ino = ino, .dev = 7, .type = S_IFDIR};
}

Lock lock_of(uint64_t owner, uint32_t type, uint64_t start) {
  Lock lock;
  lock.type = type;
  lock.owner = owner;
  lock.start = start;
  lock.end = start + 2;
  lock.handle = HandleId{owner};
  return lock;
}

void fill(State& state) {
  NodeTable& nodes = state.nodes();
  const Slot slot = *state.slots().acquire();
  const auto none = SlotPublish::none();
  const NodeId d = nodes.grant(slot, kRootNode, "d", 100, 0, folder(10), none)->id;
  const NodeId e = nodes.grant(slot, d, "e", 101, 0, folder(11), none)->id;
  const NodeId f = nodes.grant(slot, e, "f", 102, 0, file(12), none)->id;
  (void)nodes.grant(slot, kRootNode, kLong, 102, 0, file(12), none);
  (void)nodes.grant(slot, d, "third", 102, 0, file(12), none);
  for (uint64_t i = 0; i < 40; ++i) {
    (void)nodes.grant(slot, e, "n" + std::to_string(i), 200 + i, 0, file(20 + i), none);
    (void)state.handles().grant(slot, f, i, 0, 0, HandleKind::file, none);
    if (i >= 16) break;
  }
  for (uint64_t ino : {uint64_t{203}, uint64_t{206}, uint64_t{209}}) {
    (void)nodes.forget(slot, *nodes.node_id_of_fs_ino(ino), 1, none);
  }
  (void)nodes.forget(slot, e, 1, none);
  std::vector<StreamEntry> entries;
  for (uint64_t i = 1; i <= 20; ++i) entries.push_back({i, 1000 + i});
  for (bool open : {true, false}) {
    const auto id = state.handles().grant(slot, d, 9, 0, 0, HandleKind::directory, none);
    (void)state.streams().put(slot, *id, 0, entries);
    if (!open) (void)state.handles().free(slot, *id, none);
  }
  for (uint64_t i = 0; i < 20; ++i) {
    (void)state.locks().set(slot, NodeId{2 + i % 3}, lock_of(i % 4, F_WRLCK, 4 * i), none);
  }
  (void)state.locks().drop_owner(slot, NodeId{3}, 1, none);
  slot.header().device = 0;
  store(*reinterpret_cast<uint32_t*>(slot.buffer().data()), 64);
  store(slot.header().stage, static_cast<uint32_t>(Stage::running));
}

void use_nodes(State& state, const Slot& slot) {
  NodeTable& nodes = state.nodes();
  const auto none = SlotPublish::none();
  for (uint32_t i = 0; i < kTiny.max_nodes + 2; ++i) {
    if (!nodes.find(NodeId{i})) continue;
    nodes.for_each_edge(i, [](uint32_t, std::string_view) { return true; });
    (void)nodes.path(i);
    (void)nodes.identity(i);
    (void)nodes.bind(i, 5000 + i);
    (void)nodes.fs_count(i);
  }
  for (uint64_t i = 0; i < 12; ++i) {
    (void)nodes.grant(slot, kRootNode, "g" + std::to_string(i), 6000 + i, 0, file(20 + i), none);
    (void)nodes.grant(slot, NodeId{2 + i}, kLong, 6000 + i, 0, folder(10 + i), none);
    (void)nodes.grant(slot, NodeId{3}, "n" + std::to_string(i), 7000 + i, 0, file(20 + i), none);
  }
  (void)nodes.grant(slot, kRootNode, "d", 100, 0, folder(10), none);
  (void)nodes.move_edge(slot, kRootNode, kLong, NodeId{2}, "moved", none);
  (void)nodes.move_edge(slot, NodeId{2}, "e", kRootNode, kLong, none);
  (void)nodes.exchange_edges(slot, NodeId{2}, "third", kRootNode, kLong, none);
  (void)nodes.remove_edge(slot, NodeId{3}, "n5", none);
  (void)nodes.find_edge(NodeId{2}, "moved");
  (void)nodes.ungrant(slot, NodeId{5}, none);
  for (uint32_t i = 2; i < kTiny.max_nodes; i += 2) {
    (void)nodes.forget(slot, NodeId{i}, 100, none);
  }
  while (nodes.next_fs_forget()) {
  }
}

void use_handles(State& state, const Slot& slot) {
  HandleTable& handles = state.handles();
  for (uint32_t i = 0; i < 4; ++i) {
    (void)handles.grant(slot, kRootNode, i, 0, 0, HandleKind::file, SlotPublish::none());
  }
  handles.for_each([&](uint32_t i) {
    (void)handles.rebind(handles.id(i), 77);
    (void)handles.node(i);
  });
  handles.for_each([&](uint32_t i) {
    StreamTable& streams = state.streams();
    if (handles.kind(i) != HandleKind::directory) return;
    const auto position = streams.position(i, 13).value_or(0);
    (void)streams.entries(i, 0, position);
    (void)streams.position(i, 999);
    const StreamEntry entries[30] = {{14, 1}, {15, 1}};
    (void)streams.put(slot, handles.id(i), position, entries);
  });
  for (uint64_t i = 0; i < kTiny.max_handles; ++i) {
    (void)handles.free(slot, HandleId{i}, SlotPublish::none());
  }
}

void use_locks(State& state, const Slot& slot) {
  LockTable& locks = state.locks();
  const auto none = SlotPublish::none();
  (void)locks.reserve();
  for (const NodeId node : locks.nodes()) (void)without_superseded(locks.of_node(node));
  for (uint64_t i = 0; i < 12; ++i) {
    const NodeId node{2 + i % 4};
    (void)locks.set(slot, node, lock_of(i % 4, static_cast<uint32_t>(i % 3), 3 * i), none);
    (void)locks.holds(node, lock_of(1, F_WRLCK, 0));
    locks.mark_lost(node, lock_of(2, F_WRLCK, 0));
    (void)locks.lost(node, HandleId{2});
  }
  for (uint64_t i = 0; i < 4; ++i) {
    (void)locks.drop_handle(slot, NodeId{2 + i}, HandleId{1});
    (void)locks.drop_owner(slot, NodeId{2 + i}, 2, none);
  }
}

void use_slots(State& state) {
  state.slots().for_each_used([](const Slot& slot) {
    size_t total = slot.request().size() + slot.reply().size() + slot.counted_reply().size();
    total += slot.reply_space(64).size();
    if (total > 8 * size_t{kPage}) std::abort();
  });
}

}  // namespace

std::vector<std::byte> sample_state() {
  StateParameters parameters;
  parameters.geometry = kTiny;
  parameters.mountpoint = "/mnt";
  auto state = State::create(UniqueFd(::memfd_create("sample", MFD_CLOEXEC)), parameters);
  if (!state || !(*state)->claim(Generation{0}, ::getpid())) return {};
  fill(**state);
  const std::byte* base = (*state)->mapping().base();
  return {base, base + (*state)->mapping().size()};
}

int open_and_use(const std::vector<std::byte>& bytes) {
  UniqueFd fd(::memfd_create("spoiled", MFD_CLOEXEC));
  if (::write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    std::abort();
  }
  std::string why;
  auto opened = State::open(std::move(fd), &why);
  if (!opened) {
    if (why.empty()) std::abort();
    return 0;
  }
  State& state = **opened;
  (void)state.server_alive();
  (void)state.init_request();
  (void)state.init_reply();
  if (!state.claim(state.generation(), ::getpid())) return 0;
  if (!state.recover()) return 0;
  (void)state.verify_full(&why);
  use_slots(state);
  const auto slot = state.slots().acquire();
  if (!slot) return 1;
  use_nodes(state, *slot);
  use_handles(state, *slot);
  use_locks(state, *slot);
  (void)state.verify_full(&why);
  return 1;
}

size_t interesting_word(const std::vector<std::byte>& bytes, uint64_t choice) {
  Fixed fixed;
  std::memcpy(&fixed, bytes.data(), sizeof fixed);
  const Sections& s = fixed.sections;
  const uint64_t where = choice / 13;
  const LockSection locks = lock_section_of(s, kLayoutVersion);
  const FloorSection floors = floor_section_of(s, kLayoutVersion);
  switch (choice % 13) {
    case 11:
      return floors.nodes_at + where % 4 * 4;
    case 12:
      return floors.handles_at + where % 2 * 4;
    case 8:
      return offsetof(Header, locks) + where % (sizeof(LockHeads) / 4) * 4;
    case 9:
      return locks.buckets_at + where % locks.buckets * 4;
    case 10:
      return locks.records_at + where % (24 * sizeof(LockRecord) / 4) * 4;
    case 0:
      return offsetof(Header, heads) + where % (sizeof(Heads) / 4) * 4;
    case 1:
      return s.edge_heads + where % 64 * 4;
    case 2:
      return s.identity_heads + where % 64 * 4;
    case 3:
      return s.handles + where % (24 * sizeof(HandleRecord) / 4) * 4;
    case 4:
      return s.slots + where % (offsetof(SlotHeader, notes) / 4) * 4;
    default:
      return s.nodes + where % (40 * sizeof(NodeRecord) / 4) * 4;
  }
}

void add_journal(std::vector<std::byte>& bytes, const std::function<uint64_t()>& random) {
  Fixed fixed;
  std::memcpy(&fixed, bytes.data(), sizeof fixed);
  auto& slot = *reinterpret_cast<SlotHeader*>(bytes.data() + fixed.sections.slots);
  slot.journal_count = static_cast<uint32_t>(random() % 16 == 0 ? random() : 1 + random() % 8);
  for (JournalEntry& entry : slot.journal) {
    uint64_t offset = random() % 16 == 0 ? random() : interesting_word(bytes, random()) | 1;
    if (random() % 4 == 0) offset &= ~uint64_t{7};
    entry = {offset, random() % 4 == 0 ? random() : random() % 80};
  }
}

}  // namespace fuse3::reconnect
