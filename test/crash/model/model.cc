#include "model.h"

#include <algorithm>

namespace fuse3::reconnect {

std::set<uint64_t> Model::candidates(const ModelEdge& edge, uint64_t object, bool fresh) const {
  std::set<uint64_t> bound, stale;
  for (const auto& [id, node] : nodes) {
    if (node.object != object) continue;
    if (node.fs_count != 0) {
      bound.insert(id);
    } else if (!node.edges.empty()) {
      stale.insert(id);
    }
  }
  if (!bound.empty()) return bound;
  if (fresh) return {};
  const auto there = edges.find(edge);
  if (there != edges.end() && stale.contains(there->second)) return {there->second};
  return stale;
}

bool Model::above(uint64_t id, uint64_t descendant) const {
  for (uint64_t at = descendant; at != 1;) {
    if (at == id) return true;
    const auto& edges_up = nodes.at(at).edges;
    if (edges_up.empty()) return false;
    at = edges_up.begin()->parent;
  }
  return id == 1;
}

bool Model::may_hold(const ModelEdge& edge, uint64_t id) const {
  const auto parent = nodes.find(edge.parent);
  return parent != nodes.end() && parent->second.directory && !above(id, edge.parent);
}

void Model::cut(const ModelEdge& edge) {
  const auto there = edges.find(edge);
  if (there == edges.end()) return;
  nodes.at(there->second).edges.erase(edge);
  edges.erase(there);
}

void Model::add(const ModelEdge& edge, uint64_t id) {
  cut(edge);
  ModelNode& node = nodes.at(id);
  if (node.directory) {
    while (!node.edges.empty()) cut(ModelEdge(*node.edges.begin()));
  }
  node.edges.insert(edge);
  edges[edge] = id;
}

void Model::prune() {
  for (bool again = true; again;) {
    again = false;
    std::set<uint64_t> parents;
    for (const auto& [edge, id] : edges) parents.insert(edge.parent);
    for (const auto& [id, node] : nodes) {
      if (node.kernel_count != 0 || parents.contains(id)) continue;
      if (node.fs_count != 0) left.emplace(node.object, node.fs_count);
      const std::set<ModelEdge> gone = node.edges;
      for (const ModelEdge& edge : gone) cut(edge);
      nodes.erase(id);
      again = true;
      break;
    }
  }
}

void Model::grant(uint64_t id, const ModelEdge& edge, uint64_t object, bool directory) {
  ModelNode& node = nodes[id];
  node.object = object;
  node.directory = directory;
  ++node.kernel_count;
  ++node.fs_count;
  const auto there = edges.find(edge);
  const bool same = there != edges.end() && there->second == id;
  if (!same && !edge.name.empty() && id != 1) {
    if (may_hold(edge, id)) {
      add(edge, id);
    } else {
      cut(edge);
    }
  }
  prune();
}

uint64_t Model::forget(uint64_t id, uint64_t n, bool refused) {
  ModelNode& node = nodes.at(id);
  const uint64_t taken = std::min(n, node.kernel_count - (id == 1 ? 1 : 0));
  if (taken == 0) return 0;
  node.kernel_count -= taken;
  uint64_t told = 0;
  if (id != 1 && node.fs_count != 0) {
    if (refused) --node.fs_count;
    if (node.fs_count > node.kernel_count) {
      told = node.fs_count - node.kernel_count;
      node.fs_count = node.kernel_count;
    }
  }
  prune();
  return told;
}

void Model::remove_edge(const ModelEdge& edge) {
  cut(edge);
  prune();
}

void Model::move_edge(const ModelEdge& from, const ModelEdge& to) {
  const auto there = edges.find(from);
  if (from == to) return;
  const uint64_t id = there == edges.end() ? 0 : there->second;
  cut(from);
  cut(to);
  if (id != 0 && may_hold(to, id)) {
    nodes.at(id).edges.insert(to);
    edges[to] = id;
  }
  prune();
}

void Model::exchange_edges(const ModelEdge& a, const ModelEdge& b) {
  const auto at_a = edges.find(a);
  const auto at_b = edges.find(b);
  if (a == b || (at_a == edges.end() && at_b == edges.end())) return;
  if (at_a == edges.end()) return move_edge(b, a);
  if (at_b == edges.end()) return move_edge(a, b);
  const uint64_t id_a = at_a->second, id_b = at_b->second;
  const bool possible = !above(id_a, b.parent) && !above(id_b, a.parent);
  cut(a);
  cut(b);
  if (possible) {
    nodes.at(id_a).edges.insert(b);
    edges[b] = id_a;
    nodes.at(id_b).edges.insert(a);
    edges[a] = id_b;
  }
  prune();
}

void Model::unbind_all() {
  for (auto& [id, node] : nodes) node.fs_count = id == 1 ? 1 : 0;
  left.clear();
  for (auto& [id, handle] : handles) handle.fs_fh = 0;
}

uint64_t Model::known() const {
  return static_cast<uint64_t>(std::count_if(
      nodes.begin(), nodes.end(), [](const auto& n) { return n.second.kernel_count != 0; }));
}

}  // namespace fuse3::reconnect
