// The nodes the kernel knows. What a node is and how it is counted is in doc/reconnect.md.
//
// find(), bound() and fs_ino() take no lock. Everything else holds the table lock for a few hundred
// nanoseconds; nothing calls out while it is held.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reconnect/journal.h"
#include "reconnect/layout.h"
#include "reconnect/mapping.h"
#include "reconnect/record_space.h"
#include "reconnect/slots.h"
#include "support/ids.h"
#include "support/result.h"
#include "support/spin_mutex.h"
#include "support/zeroed_array.h"

namespace fuse3::reconnect {

// Which file it is, whatever the filesystem's process. `ino` 0: unknown. `dev` is a fold of st_dev;
// 0 matches all. `type` is mode & S_IFMT, 0: unknown.
struct Identity {
  uint64_t ino = 0;
  uint32_t dev = 0;
  uint32_t type = 0;

  bool matches(const Identity& other) const {
    return ino == other.ino && type == other.type && (dev == other.dev || !dev || !other.dev);
  }
};

constexpr uint32_t fold_device(dev_t device) {
  const uint64_t wide = device;
  return static_cast<uint32_t>(wide ^ (wide >> 32));
}

struct NodeRef {
  uint32_t index = 0;
};

struct Granted {
  NodeId id;
  uint64_t generation = 0;
  uint32_t index = 0;
};

// Whether the reply is about something that the request has made: then it is never a node known
// from before, even if the filesystem gives it the number of one that is gone.
enum class Fresh : bool { no, yes };

// To be told to the filesystem; nothing if the count is 0.
struct FsForget {
  uint64_t fs_ino = 0;
  uint64_t count = 0;
};

enum class Bind : uint8_t {
  bound,    // it is bound now; the filesystem's count is 1
  again,    // it was bound to the same; the filesystem's count grew by 1
  another,  // it is bound to another: the caller gives its lookup back to the filesystem
  gone,     // no such node any more: likewise
};

class NodeTable {
 public:
  NodeTable(State& state, Mapping& mapping, SpinMutex& lock);
  NodeTable(const NodeTable&) = delete;
  NodeTable& operator=(const NodeTable&) = delete;

  // ---- no lock
  // ESTALE: the table has no such node.
  Result<NodeRef> find(NodeId id) const;
  bool bound(uint32_t index) const {
    return load(record(index).bound_generation) == generation_.load(std::memory_order_relaxed);
  }
  uint64_t fs_ino(uint32_t index) const { return load(record(index).fs_ino); }

  // A node is a name (fuse_session::names_are_nodes): that a file is the same under another one
  // tells nothing.
  void set_names_are_nodes() { names_are_nodes_ = true; }

  // Whether a RENAME that concerns the name may or may not have been done. Asked with the table
  // lock held. Without it nothing is taken for a renumbered directory.
  using RenameUnsettled = std::function<bool(NodeId parent, std::string_view name)>;
  void set_rename_unsettled(RenameUnsettled ask) { rename_unsettled_ = std::move(ask); }

  // ---- counting
  // A reply grants a lookup. `name` empty, "." or "..": no edge is known from it. ENOMEM, EUCLEAN.
  Result<Granted> grant(const Slot& slot, NodeId parent, std::string_view name, uint64_t fs_ino,
                        uint64_t fs_generation, const Identity& identity,
                        const SlotPublish& publish, Fresh fresh = Fresh::no);
  // The same as part of a transaction that does more; one for each. Does not publish.
  Result<Granted> grant_in(Txn& txn, NodeId parent, std::string_view name, uint64_t fs_ino,
                           uint64_t fs_generation, const Identity& identity,
                           Fresh fresh = Fresh::no);
  // The kernel refused the reply: takes one lookup back on both sides. What is left to tell the
  // filesystem is the rest, if any: it knows of the refusal itself.
  Result<FsForget> ungrant(const Slot& slot, NodeId id, const SlotPublish& publish);
  // FORGET; what to tell the filesystem. The slot's words are stored even if there is no such node.
  Result<FsForget> forget(const Slot& slot, NodeId id, uint64_t n, const SlotPublish& publish);
  // Nodes other than the forgotten one may have gone with it, and the library's own lookups of them
  // must be given back: to be called until it gives nothing, after anything that changes edges or
  // counts.
  std::optional<FsForget> next_fs_forget();

  // A name of a node.
  struct Edge {
    uint32_t parent;
    std::string_view name;  // in the caller's buffer
    bool hidden = false;
  };

  // ---- bindings
  // The library looked a stale node up itself and checked its identity.
  Bind bind(uint32_t index, uint64_t fs_ino);
  // The same, when what it found under one of the node's names has another identity. Taken for the
  // node if it is a directory that its filesystem has renumbered: then that is its identity from
  // now on. Nothing: it is another one.
  std::optional<Bind> bind_renumbered(const Slot& slot, uint32_t index, const Edge& edge,
                                      uint64_t fs_ino, const Identity& identity);
  // Whether that can be the stale node, as far as numbers tell.
  bool may_be_renumbered(uint32_t index, const Identity& identity) const;
  // Forgets the binding. The filesystem's count that is left.
  FsForget unbind(uint32_t index);
  // The library told the filesystem so itself.
  void fs_count_add(uint32_t index, int64_t n);

  // ---- edges
  Result<void> remove_edge(const Slot& slot, NodeId parent, std::string_view name,
                           const SlotPublish& publish);
  // What had the new name loses it.
  Result<void> move_edge(const Slot& slot, NodeId parent, std::string_view name, NodeId new_parent,
                         std::string_view new_name, const SlotPublish& publish);
  Result<void> exchange_edges(const Slot& slot, NodeId parent, std::string_view name,
                              NodeId other_parent, std::string_view other_name,
                              const SlotPublish& publish);
  std::optional<NodeId> find_edge(NodeId parent, std::string_view name) const;
  // What `name` leads to is about to get a hidden name in the same directory, too: Seam::hiding().
  Result<void> add_hidden_edge(const Slot& slot, NodeId parent, std::string_view name,
                               std::string_view hidden);
  // The node has such an edge.
  bool hidden(uint32_t index) const;

  // The edges of a node one by one, the latest first: when a server dies while it hides a file, the
  // hidden name is the one to try before another. `cursor` is 0 for the first call and the table's
  // afterwards; `name` has room for kMaxName bytes. False: there are no more.
  bool next_edge(uint32_t index, uint32_t* cursor, char* name, Edge* edge) const;
  // fn(parent index, name) -> bool, false to stop. Runs without the lock; edges that come or go
  // meanwhile may be seen or not.
  template <class Fn>
  void for_each_edge(uint32_t index, Fn fn) const {
    char name[kMaxName];
    Edge edge;
    uint32_t cursor = 0;
    while (next_edge(index, &cursor, name, &edge)) {
      if (!fn(edge.parent, edge.name)) return;
    }
  }

  // ---- what is known of a node
  NodeId id(uint32_t index) const;
  Identity identity(uint32_t index) const;
  uint64_t generation(uint32_t index) const { return load(record(index).generation); }
  uint64_t kernel_count(uint32_t index) const { return load(record(index).kernel_count); }
  uint64_t fs_count(uint32_t index) const;
  uint32_t children(uint32_t index) const { return load(record(index).children); }
  std::optional<NodeId> node_id_of_fs_ino(uint64_t fs_ino) const;
  // One that is not bound and whose inode number that is.
  std::optional<NodeId> stale_node_of_inode(uint64_t ino) const;
  // Nodes that the kernel has a count on.
  uint64_t count() const;
  // For the log; "?" for what is not known.
  std::string path(uint32_t index) const;

  // ---- for State, Txn and redo_all()
  // A new state's only node.
  Result<void> make_root();
  // Bindings are this incarnation's from now on; the root is bound to the filesystem's inode 1.
  void begin_generation(Generation generation);
  // What a transaction leaves to do, under the lock it still holds.
  void after_commit(const Slot& slot, const Txn::Binding& binding);
  // Goes on with the freeing noted in the slot; the caller holds the lock or is alone.
  void finish_cascade(const Slot& slot);
  RecordSpace& space() { return space_; }
  // Every invariant, in time that grows with the table. On failure `why` is a sentence.
  Result<void> verify(std::string* why) const;

 private:
  friend class NodeCheck;
  friend class StreamTable;
  // An edge in its hash chain.
  struct Place {
    uint32_t carrier = 0;  // 0: not there
    uint32_t length = 0;   // of the chain, if not there
    bool damaged = false;
  };

  NodeRecord& record(uint32_t index) const { return nodes_[index]; }
  Heads& heads() const { return mapping_.header().heads; }
  bool usable(uint32_t index) const { return index != 0 && index < load(heads().node_high_water); }
  bool is(uint32_t index, Kind kind) const {
    return usable(index) && tag_kind(load(record(index).tag)) == static_cast<uint32_t>(kind);
  }
  uint32_t index_of(NodeId id) const;
  Identity identity_of(uint32_t index) const;
  void report_damage(const char* what) const;

  // node_alloc.cc
  Result<uint32_t> allocate(Txn& txn, Kind kind);
  void release(Txn& txn, uint32_t index);
  void release_texts(Txn& txn, uint32_t first);
  uint32_t bucket(uint32_t hash) const;
  static uint32_t bucket_of(uint32_t hash, uint32_t buckets);
  Result<void> ensure_heads(uint32_t bucket);
  bool split_chain(Txn& txn, uint32_t* heads, uint32_t NodeRecord::*next, uint32_t from,
                   uint32_t to, uint32_t new_buckets);
  void grow_buckets(const Slot& slot);
  bool join_chains(Txn& txn, uint32_t* heads, uint32_t NodeRecord::*next, uint32_t from,
                   uint32_t last);
  void shrink_buckets(const Slot& slot);
  void punch_heads();
  uint32_t heads_end() const;
  void prefetch(const uint32_t& index) const;
  void unchain(Txn& txn, uint32_t* heads, uint32_t NodeRecord::*next, uint32_t hash,
               uint32_t index);

  // node_names.cc
  uint32_t hash_edge(uint32_t parent, std::string_view name) const;
  uint32_t hash_identity(uint64_t ino) const;
  bool name_is(uint32_t carrier, std::string_view name) const;
  std::string_view copy_name(uint32_t carrier, char* to) const;
  Result<uint32_t> make_texts(Txn& txn, std::string_view name);
  void fill_name(uint32_t carrier, std::string_view name, uint32_t texts);
  void set_name(Txn& txn, uint32_t carrier, std::string_view name, uint32_t texts);

  // node_edges.cc
  Place place_of(uint32_t parent, std::string_view name) const;
  uint32_t owner_of(uint32_t carrier) const;
  uint32_t carrier_after(uint32_t index, uint32_t carrier) const;
  bool read_edge(uint32_t carrier, char* name, Edge* edge) const;
  bool is_hidden(uint32_t carrier) const;
  bool may_have_children(uint32_t index) const;
  bool above(uint32_t index, uint32_t descendant) const;
  void chain_edge(Txn& txn, uint32_t carrier, uint32_t parent, uint32_t hash, bool direct);
  void add_child(Txn& txn, uint32_t parent);
  void remove_child(Txn& txn, uint32_t parent);
  Result<void> add_edge(Txn& txn, uint32_t index, uint32_t parent, std::string_view name);
  Result<void> add_alias(Txn& txn, uint32_t index, uint32_t parent, std::string_view name,
                         bool hidden = false);
  Result<void> move_carrier(Txn& txn, uint32_t carrier, uint32_t parent, std::string_view name);
  void drop_carrier(Txn& txn, uint32_t carrier);
  Result<void> relocate(Txn& txn, uint32_t carrier, uint32_t parent, std::string_view name,
                        const Place& target);
  void swap_carriers(Txn& txn, uint32_t a, uint32_t b);
  void doom_if_unused(Txn& txn, uint32_t index);

  // node_grant.cc
  void prefetch_chains(uint32_t parent, std::string_view name, uint64_t fs_ino, uint64_t ino) const;
  uint32_t stale_match(const Place& place, uint32_t parent, std::string_view name,
                       const Identity& identity) const;
  bool belongs_to_another(uint32_t index, const Identity& identity) const;
  bool could_be_renumbered(uint32_t index, const Identity& identity) const;
  bool renumbered(uint32_t index, uint32_t parent, std::string_view name,
                  const Identity& identity) const;
  Result<uint32_t> make_node(Txn& txn, uint64_t generation, const Identity& identity);
  Result<void> settle_edge(Txn& txn, uint32_t index, bool made, uint32_t parent,
                           std::string_view name, const Place& place);
  void update_identity(Txn& txn, uint32_t index, const Identity& identity);
  void chain_identity(Txn& txn, uint32_t index, uint64_t ino, bool direct);
  void unchain_identity(Txn& txn, uint32_t index);

  // node_forget.cc
  Result<FsForget> take_back(const Slot& slot, NodeId id, uint64_t n, bool refused,
                             const SlotPublish& publish);
  FsForget lower_fs_count(uint32_t index, uint64_t kernel_count, bool refused);
  void step_cascade(Txn& txn);

  // node_binding.cc
  uint32_t& ino_head(uint64_t fs_ino) const;
  uint32_t bound_node(uint64_t fs_ino) const;
  void attach(uint32_t index, uint64_t fs_ino, uint64_t fs_count);
  FsForget detach(uint32_t index);
  void apply(const Txn::Binding& binding);
  void grow_ino_buckets();
  void shrink_ino_buckets();

  State& state_;
  Mapping& mapping_;
  SpinMutex& lock_;
  NodeRecord* nodes_;
  std::atomic<uint32_t> generation_{UINT32_MAX};  // nothing is bound before begin_generation()

  RecordSpace space_;
  // Private to the process, under the lock: chains by the filesystem's inode, and how far the heads
  // have memory.
  uint32_t heads_ensured_;
  uint32_t heads_end_;        // from there on none has memory
  uint32_t cannot_join_ = 0;  // the number of buckets that could not be made one less
  ZeroedArray<uint32_t> ino_heads_;
  uint32_t ino_buckets_ = kMinBuckets;
  uint32_t bound_count_ = 0;
  std::vector<FsForget> fs_forgets_;
  std::atomic<bool> any_fs_forgets_{false};
  bool names_are_nodes_ = false;
  RenameUnsettled rename_unsettled_;
  mutable std::atomic<bool> damage_reported_{false};
};

}  // namespace fuse3::reconnect
