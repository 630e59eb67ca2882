#include "world.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <utility>

namespace fuse3::reconnect {
namespace {

constexpr Geometry kTiny{
    .max_nodes = 192, .max_handles = 16, .max_slots = 2, .slot_buffer_size = kPage};
// Not a process of this machine: who serves is not what is tested.
constexpr pid_t kSomebody = 0x3ffffff0;

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "a test's preparation failed with errno %d\n", result.error());
    std::abort();
  }
  return *std::move(result);
}

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  char two[3];
  for (const std::byte b : bytes) {
    std::snprintf(two, sizeof two, "%02x", std::to_integer<unsigned>(b));
    text += two;
  }
  return text;
}

void tell_nodes(State& state, std::string& text) {
  NodeTable& nodes = state.nodes();
  const uint32_t end = state.mapping().header().heads.node_high_water;
  text += "known " + std::to_string(nodes.count()) + "\n";
  for (uint32_t i = 1; i < end; ++i) {
    if (!nodes.find(nodes.id(i))) continue;
    const Identity identity = nodes.identity(i);
    text += "node " + std::to_string(nodes.id(i).value) + " count " +
            std::to_string(nodes.kernel_count(i)) + " ino " + std::to_string(identity.ino) + "/" +
            std::to_string(identity.dev) + "/" + std::to_string(identity.type) + " generation " +
            std::to_string(nodes.generation(i));
    std::set<std::pair<uint32_t, std::string>> edges;
    nodes.for_each_edge(i, [&](uint32_t parent, std::string_view name) {
      edges.emplace(parent, std::string(name));
      return true;
    });
    for (const auto& [parent, name] : edges) text += " " + std::to_string(parent) + ":" + name;
    text += "\n";
  }
}

void tell_handles(State& state, std::string& text) {
  HandleTable& handles = state.handles();
  handles.for_each([&](uint32_t i) {
    text += "handle " + std::to_string(handles.id(i).value) + " of " +
            std::to_string(handles.node(i).value) + " flags " +
            std::to_string(handles.open_flags(i)) + "/" + std::to_string(handles.fopen_flags(i));
    if (handles.kind(i) == HandleKind::directory) {
      for (const StreamEntry& entry : state.streams().entries(i, 0, UINT32_MAX)) {
        text += " " + std::to_string(entry.offset) + ":" + std::to_string(entry.name);
      }
    }
    text += "\n";
  });
}

void tell_locks(State& state, std::string& text) {
  for (const NodeId node : state.locks().nodes()) {
    for (const Lock& lock : state.locks().of_node(node)) {
      text += "lock on " + std::to_string(node.value) + " of " + std::to_string(lock.owner) +
              " by " + std::to_string(lock.handle.value) + " kind " +
              std::to_string(static_cast<uint32_t>(lock.kind)) + " type " +
              std::to_string(lock.type) + " " + std::to_string(lock.start) + "-" +
              std::to_string(lock.end) + " stamp " + std::to_string(lock.stamp) + "\n";
    }
  }
}

void tell_slots(State& state, std::string& text) {
  state.slots().for_each_used([&](const Slot& slot) {
    text += "slot " + std::to_string(slot.index()) + " stage " +
            std::to_string(static_cast<uint32_t>(slot.stage())) + " progress " +
            std::to_string(slot.progress()) + " counted " + hex(slot.counted_reply()) +
            " request " + hex(slot.request());
    if (slot.stage() == Stage::replied) text += " reply " + hex(slot.reply());
    text += "\n";
  });
}

}  // namespace

void World::receive(uint32_t length) {
  slot.arm(0);
  std::memset(slot.buffer().data() + 4, 0x5a, length - 4);
  store(*reinterpret_cast<uint32_t*>(slot.buffer().data()), length);
}

NodeId World::look_up(NodeId parent, std::string_view name, uint64_t fs_ino,
                      const Identity& identity) {
  nodes.push_back(
      must(state->nodes().grant(slot, parent, name, fs_ino, 3, identity, SlotPublish::none())).id);
  return nodes.back();
}

void World::forget(NodeId id, uint64_t n) {
  must(state->nodes().forget(slot, id, n, SlotPublish::none()));
}

void World::become_stale() {
  const uint64_t next = state->generation().value;
  must(state->claim(Generation{next}, kSomebody));
}

World new_world() {
  StateParameters parameters;
  parameters.connection = 42;
  parameters.mountpoint = "/mnt";
  parameters.geometry = kTiny;
  World world;
  world.state = must(State::create(UniqueFd(::memfd_create("state", MFD_CLOEXEC)), parameters));
  must(world.state->claim(Generation{0}, kSomebody));
  must(world.state->add_device());
  world.slot = must(world.state->slots().acquire());
  return world;
}

Image image_of(State& state) {
  const std::byte* base = state.mapping().base();
  return Image(base, base + state.mapping().size());
}

std::unique_ptr<State> state_from(const Image& image, std::string* why) {
  UniqueFd fd(::memfd_create("copy", MFD_CLOEXEC));
  if (::write(fd.get(), image.data(), image.size()) != static_cast<ssize_t>(image.size())) {
    *why = "the image could not be written";
    return nullptr;
  }
  auto state = State::open(std::move(fd), why);
  if (!state) return nullptr;
  return *std::move(state);
}

std::optional<std::string> meaning(const Image& image, std::string* why) {
  auto state = state_from(image, why);
  if (!state) return std::nullopt;
  std::string text = "generation " + std::to_string(state->generation().value) + "\n";
  if (!state->claim(state->generation(), ::getpid())) {
    *why = "the generation could not be claimed";
    return std::nullopt;
  }
  if (!state->recover()) {
    *why = "recovery failed";
    return std::nullopt;
  }
  if (!state->verify_full(why)) return std::nullopt;
  text += "init " + hex(state->init_request()) + " / " + hex(state->init_reply()) + "\n";
  tell_nodes(*state, text);
  tell_handles(*state, text);
  tell_locks(*state, text);
  tell_slots(*state, text);
  return text;
}

}  // namespace fuse3::reconnect
