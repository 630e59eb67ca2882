// A reply grants a lookup: which node it is, and everything that becomes true with it.
#include <sys/stat.h>

#include <mutex>

#include "reconnect/node_table.h"

namespace fuse3::reconnect {
namespace {

bool makes_edge(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= kMaxName;
}

}  // namespace

Result<Granted> NodeTable::grant(const Slot& slot, NodeId parent, std::string_view name,
                                 uint64_t fs_ino, uint64_t fs_generation, const Identity& identity,
                                 const SlotPublish& publish, Fresh fresh) {
  Txn txn(state_, slot);
  auto granted = grant_in(txn, parent, name, fs_ino, fs_generation, identity, fresh);
  if (!granted) return granted;
  if (publish.node_id) *publish.node_id = granted->id.value;
  if (publish.generation) *publish.generation = granted->generation;
  txn.publish(publish);
  if (auto ok = txn.commit(); !ok) return ok.as_error();
  return granted;
}

// In a table larger than the processor's caches, three waits at once instead of six in a row.
void NodeTable::prefetch_chains(uint32_t parent, std::string_view name, uint64_t fs_ino,
                                uint64_t ino) const {
  const uint32_t& edge = mapping_.edge_heads()[bucket(hash_edge(parent, name))];
  const uint32_t& same_ino = mapping_.identity_heads()[bucket(hash_identity(ino))];
  const uint32_t& bound = ino_head(fs_ino);
  __builtin_prefetch(&edge);
  __builtin_prefetch(&same_ino);
  __builtin_prefetch(&bound);
  prefetch(edge);
  prefetch(same_ino);
  prefetch(bound);
}

// A node of an earlier incarnation that the reply is about: the one last seen under that name if it
// is the same file, else one that is the same file under another name. A file that has lost all its
// names is not looked for: its number may belong to a new one.
uint32_t NodeTable::stale_match(const Place& place, uint32_t parent, std::string_view name,
                                const Identity& identity) const {
  const uint32_t owner = place.carrier != 0 ? owner_of(place.carrier) : 0;
  if (owner != 0 && !bound(owner)) {
    if (identity_of(owner).matches(identity)) return owner;
    if (renumbered(owner, parent, name, identity)) return owner;
  }
  if (identity.ino == 0 || names_are_nodes_) return 0;
  uint32_t at = load(mapping_.identity_heads()[bucket(hash_identity(identity.ino))]);
  for (uint32_t n = 0; at != 0; at = load(record(at).identity_next)) {
    if (!is(at, Kind::node) || ++n > kMaxChain) {
      report_damage("a chain of inodes does not end");
      return 0;
    }
    const NodeRecord& r = record(at);
    if ((r.parent != 0 || r.alias != 0) && !bound(at) && identity_of(at).matches(identity)) {
      return at;
    }
  }
  return 0;
}

std::optional<NodeId> NodeTable::stale_node_of_inode(uint64_t ino) const {
  const std::lock_guard guard(lock_);
  uint32_t at = load(mapping_.identity_heads()[bucket(hash_identity(ino))]);
  for (uint32_t n = 0; at != 0 && is(at, Kind::node) && n < kMaxChain; ++n) {
    if (!bound(at) && load(record(at).ino) == ino) return id(at);
    at = load(record(at).identity_next);
  }
  return std::nullopt;
}

Result<Granted> NodeTable::grant_in(Txn& txn, NodeId parent_id, std::string_view name,
                                    uint64_t fs_ino, uint64_t fs_generation,
                                    const Identity& identity, Fresh fresh) {
  const uint32_t parent = makes_edge(name) ? index_of(parent_id) : 0;
  prefetch_chains(parent, name, fs_ino, identity.ino);
  const Place place = parent != 0 ? place_of(parent, name) : Place{};

  Txn::Binding binding{.index = bound_node(fs_ino), .fs_ino = fs_ino};
  if (binding.index != 0 && binding.index != kRootIndex) {
    // The filesystem calls another file by the number of a node that it was not told to forget.
    const NodeRecord& r = record(binding.index);
    const uint32_t type = meta_type(r.meta);
    if (r.generation != fs_generation || (type && identity.type && type != identity.type)) {
      binding.take_from = binding.index;
      binding.index = 0;
    }
  }
  if (binding.index == 0 && fresh == Fresh::no) {
    binding.index = stale_match(place, parent, name, identity);
  }

  const bool made = binding.index == 0;
  if (made) {
    auto index = make_node(txn, fs_generation, identity);
    if (!index) return index.as_error();
    binding.index = *index;
  } else {
    uint64_t& count = record(binding.index).kernel_count;
    if (load(count) == 0) txn.set(heads().known_nodes, txn.get(heads().known_nodes) + 1);
    txn.set(count, load(count) + 1);
    update_identity(txn, binding.index, identity);
  }
  const uint32_t index = binding.index;
  if (parent != 0 && index != kRootIndex) {
    if (auto ok = settle_edge(txn, index, made, parent, name, place); !ok) return ok.as_error();
  }
  if (txn.failed()) return Error{EUCLEAN};
  txn.bind_after_commit(binding);
  const NodeRecord& r = record(index);
  return Granted{NodeId{uint64_t{tag_reuse(txn.get(r.tag))} << 32 | index}, r.generation, index};
}

Result<uint32_t> NodeTable::make_node(Txn& txn, uint64_t generation, const Identity& identity) {
  auto made = allocate(txn, Kind::node);
  if (!made) return made;
  NodeRecord& r = record(*made);
  store(r.text, 0);
  store(r.kernel_count, 1);
  store(r.ino, identity.ino);
  store(r.meta, make_meta(identity.dev, identity.type, 0));
  store(r.generation, generation);
  store(r.parent, 0);
  store(r.children, 0);
  store(r.alias, 0);
  store(r.bound_generation, 0);
  store(r.fs_count, 0);
  chain_identity(txn, *made, identity.ino, true);
  txn.set(heads().known_nodes, txn.get(heads().known_nodes) + 1);
  return made;
}

// The name leads to the node from now on, and to no other.
Result<void> NodeTable::settle_edge(Txn& txn, uint32_t index, bool made, uint32_t parent,
                                    std::string_view name, const Place& place) {
  if (place.carrier != 0 && owner_of(place.carrier) == index) return {};
  const bool possible = !place.damaged && (place.carrier != 0 || place.length < kMaxChain) &&
                        may_have_children(parent) && (made || !above(index, parent));
  if (possible && made) {
    auto texts = make_texts(txn, name);
    if (!texts) return texts.as_error();
    fill_name(index, name, *texts);
    chain_edge(txn, index, parent, hash_edge(parent, name), true);
    add_child(txn, parent);
  } else if (possible) {
    if (auto ok = add_edge(txn, index, parent, name); !ok) return ok;
  }
  if (place.carrier != 0) drop_carrier(txn, place.carrier);
  return {};
}

void NodeTable::update_identity(Txn& txn, uint32_t index, const Identity& identity) {
  NodeRecord& r = record(index);
  const Identity old = identity_of(index);
  Identity now = old;
  if (identity.ino != 0) now.ino = identity.ino;
  if (identity.dev != 0) now.dev = identity.dev;
  if (old.type == 0) now.type = identity.type;
  if (now.dev != old.dev || now.type != old.type) {
    txn.set(r.meta, make_meta(now.dev, now.type, meta_length(txn.get(r.meta))));
  }
  if (now.ino != old.ino) {
    unchain_identity(txn, index);
    txn.set(r.ino, now.ino);
    chain_identity(txn, index, now.ino, false);
  }
}

void NodeTable::chain_identity(Txn& txn, uint32_t index, uint64_t ino, bool direct) {
  NodeRecord& r = record(index);
  uint32_t next = kNotChained;
  if (ino != 0) {
    // A filesystem may give one number to everything.
    uint32_t& head = mapping_.identity_heads()[bucket(hash_identity(ino))];
    uint32_t length = 0;
    uint32_t at = txn.get(head);
    while (at != 0 && usable(at) && ++length < kMaxChain) at = txn.get(record(at).identity_next);
    if (at == 0) {
      next = txn.get(head);
      txn.set(head, index);
    }
  }
  if (direct) {
    store(r.identity_next, next);
  } else {
    txn.set(r.identity_next, next);
  }
}

void NodeTable::unchain_identity(Txn& txn, uint32_t index) {
  const NodeRecord& r = record(index);
  if (load(r.identity_next) == kNotChained) return;
  unchain(txn, mapping_.identity_heads(), &NodeRecord::identity_next, hash_identity(load(r.ino)),
          index);
}

}  // namespace fuse3::reconnect
