// A small state in a memfd, and what tests ask of it.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "reconnect/state.h"

namespace fuse3::reconnect {

inline constexpr Geometry kSmall{
    .max_nodes = 4096, .max_handles = 1024, .max_slots = 8, .slot_buffer_size = 2 * kPage};

inline UniqueFd new_memfd() {
  return UniqueFd(::memfd_create("state", MFD_CLOEXEC));
}

inline std::unique_ptr<State> new_state(const Geometry& geometry = kSmall,
                                        uint32_t layout_version = kLayoutVersion) {
  StateParameters parameters;
  parameters.layout_version = layout_version;
  parameters.connection = 42;
  parameters.owner = ::getuid();
  parameters.executable = "/usr/bin/server";
  parameters.options = "rw,allow_other";
  parameters.mountpoint = "/mnt";
  parameters.geometry = geometry;
  auto state = State::create(new_memfd(), parameters);
  if (!state || !(*state)->claim(Generation{0}, ::getpid())) return nullptr;
  return *std::move(state);
}

inline UniqueFd copy_of(State& state) {
  UniqueFd fd = new_memfd();
  const Mapping& mapping = state.mapping();
  if (::ftruncate(fd.get(), static_cast<off_t>(mapping.size())) != 0) return {};
  void* to = ::mmap(nullptr, mapping.size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (to == MAP_FAILED) return {};
  std::memcpy(to, mapping.base(), mapping.size());
  ::munmap(to, mapping.size());
  return fd;
}

// Opens what a dead predecessor left, as its successor does.
inline std::unique_ptr<State> succeed(UniqueFd fd, std::string* why) {
  auto state = State::open(std::move(fd), why);
  if (!state) return nullptr;
  if (!(*state)->claim((*state)->generation(), ::getpid())) {
    *why = "claim failed";
    return nullptr;
  }
  if (!(*state)->recover()) {
    *why = "recover failed";
    return nullptr;
  }
  return *std::move(state);
}

inline Slot take_slot(State& state) {
  auto slot = state.slots().acquire();
  EXPECT_TRUE(slot.ok());
  return slot ? *slot : Slot{};
}

// Puts a request of `length` bytes into the slot, as a read from the device does.
inline void receive(const Slot& slot, uint32_t length) {
  std::memset(slot.buffer().data() + 4, 0x5a, length - 4);
  store(*reinterpret_cast<uint32_t*>(slot.buffer().data()), length);
}

inline Identity file(uint64_t ino) {
  return {.ino = ino, .dev = 7, .type = S_IFREG};
}
inline Identity folder(uint64_t ino) {
  return {.ino = ino, .dev = 7, .type = S_IFDIR};
}

using Edges = std::set<std::pair<uint64_t, std::string>>;

inline Edges edges_of(State& state, NodeId id) {
  Edges edges;
  auto ref = state.nodes().find(id);
  if (!ref) return edges;
  state.nodes().for_each_edge(ref->index, [&](uint32_t parent, std::string_view name) {
    edges.emplace(state.nodes().id(parent).value, std::string(name));
    return true;
  });
  return edges;
}

inline void expect_sound(State& state) {
  std::string why;
  EXPECT_TRUE(state.verify_full(&why).ok()) << why;
}

}  // namespace fuse3::reconnect
