// A name in the tree: what the kernel calls a node, the high-level API a path.
#pragma once

#include <sys/types.h>
#include <time.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "highlevel/place_lock.h"

namespace fuse3 {

class FileLocks;

// What auto_cache compares when a file is opened again.
struct SeenContents {
  timespec modified{};
  off_t size = 0;
  timespec when{};     // it was seen
  bool valid = false;  // the kernel may keep what it has cached
};

struct Node {
  // Shared or owned by whoever relies on `parent` and the name.
  PlaceLock place;
  // Which shard's lock guards this node. Changes with that lock and the new one held.
  std::atomic<uint32_t> shard{0};
  uint32_t index = 0;
  uint32_t reuse = 0;  // how many nodes had this index before

  // Written by the owner of `place`, or before the node is found by others.
  Node* parent = nullptr;  // null: the root, or a node without a name
  uint32_t name_length = 0;
  char inline_name[36];
  std::unique_ptr<char[]> long_name;

  // Guarded by the shard's lock.
  uint64_t lookups = 0;   // of the kernel
  uint32_t children = 0;  // nodes that name this one as their parent
  uint32_t opens = 0;     // open files
  uint32_t holds = 0;     // of operations that are about to own the place
  bool remembered = false;
  bool hidden = false;  // renamed when it was to be removed, since it was open
  SeenContents seen;
  std::unique_ptr<FileLocks> locks;
  uint64_t hash = 0;
  Node* next = nullptr;  // in the shard's chain; of a free node, in the free list

  // Guarded by the list of forgotten nodes (Tree::forgotten_lock_).
  Node* older = nullptr;
  Node* newer = nullptr;
  timespec forgotten{};

  Node();
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  std::string_view name() const {
    return {long_name != nullptr ? long_name.get() : inline_name, name_length};
  }
  // False: no memory; nothing changed.
  bool set_name(std::string_view name);
};

}  // namespace fuse3
