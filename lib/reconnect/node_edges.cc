// Edges: which (parent, name) leads to which node. An edge is carried by the node's own record or
// by an alias record. Directories have one edge, so the edges among directories form a tree.
#include <sys/stat.h>

#include "reconnect/node_table.h"

namespace fuse3::reconnect {

NodeTable::Place NodeTable::place_of(uint32_t parent, std::string_view name) const {
  Place place;
  const uint32_t hash = hash_edge(parent, name);
  uint32_t at = load(mapping_.edge_heads()[bucket(hash)]);
  for (; at != 0; at = load(record(at).edge_next)) {
    if (!usable(at) || ++place.length > kMaxChain) {
      report_damage("a chain of names does not end");
      place.damaged = true;
      return place;
    }
    const NodeRecord& r = record(at);
    if (r.name_hash == hash && r.parent == parent && name_is(at, name) &&
        is(owner_of(at), Kind::node)) {
      place.carrier = at;
      return place;
    }
  }
  return place;
}

uint32_t NodeTable::owner_of(uint32_t carrier) const {
  return is(carrier, Kind::alias) ? load(record(carrier).owner) : carrier;
}

bool NodeTable::may_have_children(uint32_t index) const {
  if (!is(index, Kind::node)) return false;
  const NodeRecord& r = record(index);
  const uint32_t type = meta_type(r.meta);
  return type == S_IFDIR || (type == 0 && r.alias == 0);
}

// Whether making `descendant` the parent of `index` would close a circle.
bool NodeTable::above(uint32_t index, uint32_t descendant) const {
  uint32_t at = descendant;
  for (uint32_t n = load(heads().node_high_water); n > 0; --n) {
    if (at == index) return true;
    if (at == kRootIndex || !usable(at)) return false;
    at = load(record(at).parent);
  }
  report_damage("the directories form a circle");
  return true;
}

void NodeTable::chain_edge(Txn& txn, uint32_t carrier, uint32_t parent, uint32_t hash,
                           bool direct) {
  NodeRecord& r = record(carrier);
  uint32_t& head = mapping_.edge_heads()[bucket(hash)];
  if (direct) {
    store(r.parent, parent);
    store(r.name_hash, hash);
    store(r.edge_next, txn.get(head));
  } else {
    txn.set(r.parent, parent);
    txn.set(r.name_hash, hash);
    txn.set(r.edge_next, txn.get(head));
  }
  txn.set(head, carrier);
}

void NodeTable::add_child(Txn& txn, uint32_t parent) {
  uint32_t& children = record(parent).children;
  txn.set(children, txn.get(children) + 1);
}

void NodeTable::remove_child(Txn& txn, uint32_t parent) {
  if (!is(parent, Kind::node) || txn.get(record(parent).children) == 0) {
    report_damage("a parent does not know of its child");
    return txn.fail();
  }
  uint32_t& children = record(parent).children;
  txn.set(children, txn.get(children) - 1);
  doom_if_unused(txn, parent);
}

// Puts a node that neither the kernel nor an edge needs onto the slot's list of those to be freed.
void NodeTable::doom_if_unused(Txn& txn, uint32_t index) {
  NodeRecord& r = record(index);
  if (index == kRootIndex || txn.get(r.kernel_count) != 0 || txn.get(r.children) != 0) return;
  uint32_t& cascade = txn.slot().header().cascade;
  txn.set(r.free_next, txn.get(cascade));
  txn.set(cascade, index);
}

// To a node that has an edge already or had one. A directory gets it instead of the old one.
Result<void> NodeTable::add_edge(Txn& txn, uint32_t index, uint32_t parent, std::string_view name) {
  const NodeRecord& r = record(index);
  const bool directory = meta_type(txn.get(r.meta)) == S_IFDIR || txn.get(r.children) != 0;
  if (txn.get(r.parent) == 0 || directory) return move_carrier(txn, index, parent, name);
  return add_alias(txn, index, parent, name);
}

Result<void> NodeTable::add_alias(Txn& txn, uint32_t index, uint32_t parent, std::string_view name,
                                  bool hidden) {
  auto texts = make_texts(txn, name);
  if (!texts) return texts.as_error();
  auto made = allocate(txn, Kind::alias);
  if (!made) return made.as_error();
  NodeRecord& node = record(index);
  NodeRecord& alias = record(*made);
  const uint32_t next = txn.get(node.alias);
  store(alias.kernel_count, 0);
  store(alias.ino, hidden ? kHiddenEdge : 0);
  store(alias.meta, 0);
  store(alias.bound_generation, 0);
  store(alias.owner, index);
  store(alias.alias_previous, 0);
  store(alias.alias, next);
  fill_name(*made, name, *texts);
  chain_edge(txn, *made, parent, hash_edge(parent, name), true);
  txn.set(node.alias, *made);
  if (usable(next)) txn.set(record(next).alias_previous, *made);
  add_child(txn, parent);
  return {};
}

// What carried another edge, or none, carries this one.
Result<void> NodeTable::move_carrier(Txn& txn, uint32_t carrier, uint32_t parent,
                                     std::string_view name) {
  auto texts = make_texts(txn, name);
  if (!texts) return texts.as_error();
  NodeRecord& r = record(carrier);
  const uint32_t old_parent = txn.get(r.parent);
  const uint32_t old_texts = txn.get(r.text);
  // The new parent's count first: if both are one, it never seems unused in between.
  add_child(txn, parent);
  if (old_parent != 0) {
    unchain(txn, mapping_.edge_heads(), &NodeRecord::edge_next, load(r.name_hash), carrier);
  }
  set_name(txn, carrier, name, *texts);
  // Somebody has given a hidden file a name again.
  if (is(carrier, Kind::alias)) txn.set(r.ino, 0);
  chain_edge(txn, carrier, parent, hash_edge(parent, name), false);
  if (old_parent != 0) {
    remove_child(txn, old_parent);
    release_texts(txn, old_texts);
  }
  return {};
}

// Nothing leads from there to the carrier's node any more.
void NodeTable::drop_carrier(Txn& txn, uint32_t carrier) {
  NodeRecord& r = record(carrier);
  unchain(txn, mapping_.edge_heads(), &NodeRecord::edge_next, load(r.name_hash), carrier);
  remove_child(txn, load(r.parent));
  release_texts(txn, txn.get(r.text));
  if (!is(carrier, Kind::alias)) {
    txn.set(r.parent, 0);
    txn.set(r.text, 0);
    return;
  }
  const uint32_t previous = txn.get(r.alias_previous);
  const uint32_t next = txn.get(r.alias);
  const uint32_t before = previous != 0 ? previous : load(r.owner);
  if (!usable(before) || txn.get(record(before).alias) != carrier) {
    report_damage("a node does not know of its further name");
    return txn.fail();
  }
  txn.set(record(before).alias, next);
  if (usable(next)) txn.set(record(next).alias_previous, previous);
  release(txn, carrier);
}

}  // namespace fuse3::reconnect
