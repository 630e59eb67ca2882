// What the tables mean, in the plainest containers: the model that the real ones are compared with.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace fuse3::reconnect {

struct ModelEdge {
  uint64_t parent;
  std::string name;
  auto operator<=>(const ModelEdge&) const = default;
};

struct ModelNode {
  uint64_t object = 0;  // which file it is; also its inode number
  bool directory = false;
  uint64_t kernel_count = 0;
  uint64_t fs_count = 0;  // 0: not bound
  std::set<ModelEdge> edges;
};

struct ModelHandle {
  uint64_t node = 0;
  uint64_t fs_fh = 0;
};

class Model {
 public:
  Model() {
    nodes[1] =
        ModelNode{.object = 1, .directory = true, .kernel_count = 1, .fs_count = 1, .edges = {}};
  }

  std::map<uint64_t, ModelNode> nodes;
  std::map<ModelEdge, uint64_t> edges;
  std::map<uint64_t, ModelHandle> handles;
  // Lookups the filesystem must be told to forget besides what FORGET itself returns.
  std::multiset<std::pair<uint64_t, uint64_t>> left;

  // The nodes that a lookup of this file may be given; empty: a new one.
  std::set<uint64_t> candidates(const ModelEdge& edge, uint64_t object, bool fresh) const;
  // `id` was granted.
  void grant(uint64_t id, const ModelEdge& edge, uint64_t object, bool directory);
  uint64_t forget(uint64_t id, uint64_t n, bool refused);
  void remove_edge(const ModelEdge& edge);
  void move_edge(const ModelEdge& from, const ModelEdge& to);
  void exchange_edges(const ModelEdge& a, const ModelEdge& b);
  // The server died.
  void unbind_all();
  uint64_t known() const;

 private:
  bool above(uint64_t id, uint64_t descendant) const;
  bool may_hold(const ModelEdge& edge, uint64_t id) const;
  void cut(const ModelEdge& edge);
  void add(const ModelEdge& edge, uint64_t id);
  void prune();
};

}  // namespace fuse3::reconnect
