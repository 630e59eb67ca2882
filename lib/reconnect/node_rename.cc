// What UNLINK and RENAME do to edges, and reading them.
#include <mutex>

#include "reconnect/node_table.h"

namespace fuse3::reconnect {

Result<void> NodeTable::remove_edge(const Slot& slot, NodeId parent, std::string_view name,
                                    const SlotPublish& publish) {
  Txn txn(state_, slot);
  const Place place = place_of(index_of(parent), name);
  if (place.carrier != 0) drop_carrier(txn, place.carrier);
  txn.publish(publish);
  return txn.commit();
}

// To a place where nothing is, or nothing will be. What cannot be there gets no edge at all.
Result<void> NodeTable::relocate(Txn& txn, uint32_t carrier, uint32_t parent, std::string_view name,
                                 const Place& target) {
  if (target.damaged || target.length >= kMaxChain || !may_have_children(parent) ||
      above(owner_of(carrier), parent)) {
    drop_carrier(txn, carrier);
    return {};
  }
  return move_carrier(txn, carrier, parent, name);
}

Result<void> NodeTable::move_edge(const Slot& slot, NodeId parent, std::string_view name,
                                  NodeId new_parent, std::string_view new_name,
                                  const SlotPublish& publish) {
  Txn txn(state_, slot);
  const uint32_t to = index_of(new_parent);
  const Place from = place_of(index_of(parent), name);
  const Place target = place_of(to, new_name);
  if (from.carrier != target.carrier) {
    if (from.carrier != 0) {
      if (auto ok = relocate(txn, from.carrier, to, new_name, target); !ok) return ok;
    }
    if (target.carrier != 0) drop_carrier(txn, target.carrier);
  }
  txn.publish(publish);
  return txn.commit();
}

Result<void> NodeTable::exchange_edges(const Slot& slot, NodeId parent, std::string_view name,
                                       NodeId other_parent, std::string_view other_name,
                                       const SlotPublish& publish) {
  Txn txn(state_, slot);
  const uint32_t a_parent = index_of(parent);
  const uint32_t b_parent = index_of(other_parent);
  const Place a = place_of(a_parent, name);
  const Place b = place_of(b_parent, other_name);
  Result<void> done;
  if (a.carrier != 0 && b.carrier != 0) {
    if (a.carrier != b.carrier) swap_carriers(txn, a.carrier, b.carrier);
  } else if (a.carrier != 0) {
    done = relocate(txn, a.carrier, b_parent, other_name, b);
  } else if (b.carrier != 0) {
    done = relocate(txn, b.carrier, a_parent, name, a);
  }
  if (!done) return done;
  txn.publish(publish);
  return txn.commit();
}

// The edges change places, the carriers stay their owners'. The parents' counts stay as they are.
void NodeTable::swap_carriers(Txn& txn, uint32_t a, uint32_t b) {
  NodeRecord& ra = record(a);
  NodeRecord& rb = record(b);
  const NodeRecord old_a = ra;
  const NodeRecord old_b = rb;
  if (above(owner_of(a), old_b.parent) || above(owner_of(b), old_a.parent)) {
    drop_carrier(txn, a);
    drop_carrier(txn, b);
    return;
  }
  uint32_t* heads = mapping_.edge_heads();
  unchain(txn, heads, &NodeRecord::edge_next, old_a.name_hash, a);
  unchain(txn, heads, &NodeRecord::edge_next, old_b.name_hash, b);
  const auto take_over = [&](uint32_t to, const NodeRecord& from) {
    NodeRecord& r = record(to);
    for (size_t i = 0; i < std::size(r.name); ++i) txn.set(r.name[i], from.name[i]);
    txn.set(r.text, from.text);
    txn.set(r.meta, make_meta(meta_dev(r.meta), meta_type(r.meta), meta_length(from.meta)));
    chain_edge(txn, to, from.parent, from.name_hash, false);
  };
  take_over(a, old_b);
  take_over(b, old_a);
}

std::optional<NodeId> NodeTable::find_edge(NodeId parent, std::string_view name) const {
  const std::lock_guard guard(lock_);
  const Place place = place_of(index_of(parent), name);
  if (place.carrier == 0) return std::nullopt;
  return id(owner_of(place.carrier));
}

// What carries the node's next edge, aliases before the record itself; 0: nothing. That each alias
// knows the one before it means that the list has an end, whatever happened to it.
uint32_t NodeTable::carrier_after(uint32_t index, uint32_t carrier) const {
  if (carrier == index) return 0;
  const bool first = carrier == 0;
  const uint32_t own = load(record(index).parent) != 0 ? index : 0;
  if (!first && (!is(carrier, Kind::alias) || load(record(carrier).owner) != index)) return 0;
  const uint32_t next = load(record(first ? index : carrier).alias);
  const bool next_is_ours = is(next, Kind::alias) && load(record(next).owner) == index &&
                            load(record(next).alias_previous) == carrier;
  return next_is_ours ? next : own;
}

bool NodeTable::read_edge(uint32_t carrier, char* name, Edge* edge) const {
  if (carrier == 0) return false;
  const uint32_t parent = load(record(carrier).parent);
  if (!is(parent, Kind::node)) return false;
  *edge = Edge{parent, copy_name(carrier, name), is_hidden(carrier)};
  // A damaged name would lead to another file.
  return hash_edge(parent, edge->name) == load(record(carrier).name_hash);
}

bool NodeTable::next_edge(uint32_t index, uint32_t* cursor, char* name, Edge* edge) const {
  const std::lock_guard guard(lock_);
  if (!is(index, Kind::node)) return false;
  const uint32_t carrier = carrier_after(index, *cursor);
  if (!read_edge(carrier, name, edge)) return false;
  *cursor = carrier;
  return true;
}

bool NodeTable::is_hidden(uint32_t carrier) const {
  return is(carrier, Kind::alias) && load(record(carrier).ino) == kHiddenEdge;
}

bool NodeTable::hidden(uint32_t index) const {
  const std::lock_guard guard(lock_);
  if (!is(index, Kind::node)) return false;
  for (uint32_t at = carrier_after(index, 0); at != 0; at = carrier_after(index, at)) {
    if (is_hidden(at)) return true;
  }
  return false;
}

Result<void> NodeTable::add_hidden_edge(const Slot& slot, NodeId parent_id, std::string_view name,
                                        std::string_view hidden) {
  Txn txn(state_, slot);
  const uint32_t parent = index_of(parent_id);
  const Place place = place_of(parent, name);
  const Place target = place_of(parent, hidden);
  if (place.carrier == 0 || target.damaged) return {};
  const uint32_t owner = owner_of(place.carrier);
  // A server that died was about to give it the same name.
  if (target.carrier != 0 && owner_of(target.carrier) == owner) return {};
  if (target.carrier == 0 && target.length >= kMaxChain) return Error{ENOMEM};
  if (auto added = add_alias(txn, owner, parent, hidden, true); !added) return added;
  // What had that name before is gone, for the filesystem says that nothing has it.
  if (target.carrier != 0) drop_carrier(txn, target.carrier);
  return txn.commit();
}

}  // namespace fuse3::reconnect
