// Every invariant of the node table, for tests, tools, and whoever has a suspicion.
#include <sys/stat.h>

#include <mutex>
#include <vector>

#include "reconnect/node_table.h"

namespace fuse3::reconnect {

class NodeCheck {
 public:
  explicit NodeCheck(const NodeTable& table)
      : t_(table), end_(load(table.heads().node_high_water)), seen_(end_) {}

  bool run() {
    return kinds() && edges() && identities() && texts() && aliases() && nodes() &&
           tree() && bindings();
  }
  const std::string& problem() const { return problem_; }

 private:
  struct Seen {
    uint32_t children = 0;
    bool edge = false, identity = false, text = false, alias = false;
    bool tree = false;
  };

  const NodeRecord& at(uint32_t index) const { return t_.record(index); }
  Kind kind(uint32_t index) const { return static_cast<Kind>(tag_kind(at(index).tag)); }
  bool is(uint32_t index, Kind k) const { return index > 0 && index < end_ && kind(index) == k; }
  bool broken(uint32_t index, const char* what) {
    problem_ = "record " + std::to_string(index) + " " + what;
    return false;
  }

  bool kinds() {
    if (!is(kRootIndex, Kind::node) || t_.id(kRootIndex) != kRootNode) {
      return broken(kRootIndex, "is not the root");
    }
    for (uint32_t i = 1; i < end_; ++i) {
      if (kind(i) > Kind::stream) return broken(i, "is of no kind");
    }
    return true;
  }

  bool edges() {
    const uint32_t buckets = load(t_.heads().buckets);
    for (uint32_t b = 0; b < buckets; ++b) {
      uint32_t length = 0;
      for (uint32_t i = t_.mapping_.edge_heads()[b]; i != 0; i = at(i).edge_next) {
        if (!is(i, Kind::node) && !is(i, Kind::alias)) return broken(i, "is chained as an edge");
        if (seen_[i].edge) return broken(i, "is chained as an edge twice");
        if (++length > kMaxChain) return broken(i, "is in a chain of edges that is too long");
        seen_[i].edge = true;
        if (!edge(i, b)) return false;
      }
    }
    return true;
  }

  bool edge(uint32_t i, uint32_t bucket) {
    const NodeRecord& r = at(i);
    if (!is(r.parent, Kind::node)) return broken(i, "has no parent");
    ++seen_[r.parent].children;
    char buffer[kMaxName];
    const std::string_view name = t_.copy_name(i, buffer);
    if (name.empty() || name.size() != meta_length(r.meta)) return broken(i, "has half a name");
    if (t_.hash_edge(r.parent, name) != r.name_hash) return broken(i, "has another name's hash");
    if (t_.bucket(r.name_hash) != bucket) return broken(i, "is in another edge's chain");
    if (t_.place_of(r.parent, name).carrier != i) return broken(i, "shares its name");
    return true;
  }

  bool identities() {
    const uint32_t buckets = load(t_.heads().buckets);
    for (uint32_t b = 0; b < buckets; ++b) {
      uint32_t length = 0;
      for (uint32_t i = t_.mapping_.identity_heads()[b]; i != 0; i = at(i).identity_next) {
        if (!is(i, Kind::node)) return broken(i, "is chained by inode and no node");
        if (seen_[i].identity) return broken(i, "is chained by inode twice");
        if (++length > kMaxChain) return broken(i, "is in a chain of inodes that is too long");
        seen_[i].identity = true;
        if (t_.bucket(t_.hash_identity(at(i).ino)) != b) {
          return broken(i, "is in another inode's chain");
        }
      }
    }
    return true;
  }

  bool texts() {
    for (uint32_t i = 1; i < end_; ++i) {
      if (kind(i) != Kind::node && kind(i) != Kind::alias) continue;
      const uint32_t length = at(i).parent != 0 ? meta_length(at(i).meta) : 0;
      uint32_t wanted =
          length > kInlineName ? (length - kInlineName - 1) / kTextRecordBytes + 1 : 0;
      uint32_t text = at(i).text;
      for (; wanted > 0 && is(text, Kind::text) && !seen_[text].text; --wanted) {
        seen_[text].text = true;
        text = at(text).text;
      }
      if (wanted != 0 || text != 0) return broken(i, "has not the name records it should have");
    }
    return true;
  }

  bool aliases() {
    for (uint32_t i = 1; i < end_; ++i) {
      if (kind(i) != Kind::node) continue;
      uint32_t previous = 0;
      for (uint32_t a = at(i).alias; a != 0; a = at(a).alias) {
        if (!is(a, Kind::alias) || seen_[a].alias || at(a).owner != i ||
            at(a).alias_previous != previous || at(a).parent == 0) {
          return broken(a, "is not the further name it is listed as");
        }
        seen_[a].alias = true;
        previous = a;
      }
    }
    return true;
  }

  bool nodes() {
    uint64_t known = 0;
    for (uint32_t i = 1; i < end_; ++i) {
      const Seen& s = seen_[i];
      const NodeRecord& r = at(i);
      switch (kind(i)) {
        case Kind::free:
          break;
        case Kind::text:
          if (!s.text) return broken(i, "is a rest of no name");
          break;
        case Kind::stream:  // StreamTable::verify()
          break;
        case Kind::alias:
          if (!s.alias || !s.edge) return broken(i, "is a further name of nothing");
          break;
        case Kind::node:
          if (r.kernel_count != 0) ++known;
          if ((r.parent != 0) != s.edge) return broken(i, "has an edge that is not chained");
          if ((r.identity_next != kNotChained) != s.identity) {
            return broken(i, "has an inode that is not chained");
          }
          if (r.children != s.children) return broken(i, "counts its children wrong");
          if (r.kernel_count == 0 && r.children == 0) return broken(i, "is kept for nobody");
          break;
      }
    }
    if (known != t_.heads().known_nodes) return broken(0, "count of known nodes is wrong");
    return true;
  }

  // Every way up ends: what was found to end is marked, so that each record is passed once.
  bool tree() {
    for (uint32_t i = 1; i < end_; ++i) {
      if (kind(i) != Kind::node) continue;
      uint32_t steps = 0;
      for (uint32_t at_ = i; at_ != 0 && !seen_[at_].tree; at_ = at(at_).parent) {
        if (++steps > end_) return broken(i, "is its own ancestor");
      }
      for (uint32_t at_ = i; at_ != 0 && !seen_[at_].tree; at_ = at(at_).parent) {
        seen_[at_].tree = true;
      }
    }
    return true;
  }

  bool bindings() {
    uint32_t bound = 0;
    for (uint32_t i = 1; i < end_; ++i) {
      if (kind(i) != Kind::node || !t_.bound(i)) continue;
      ++bound;
      if (at(i).fs_count == 0) return broken(i, "is bound to what the filesystem forgot");
      if (t_.bound_node(at(i).fs_ino) == 0) return broken(i, "is not found by its inode");
    }
    if (bound != t_.bound_count_) return broken(0, "count of bound nodes is wrong");
    return true;
  }

  const NodeTable& t_;
  uint32_t end_;
  std::vector<Seen> seen_;
  std::string problem_;
};

Result<void> NodeTable::verify(std::string* why) const {
  const std::lock_guard guard(lock_);
  NodeCheck check(*this);
  if (check.run()) return {};
  if (why) *why = check.problem();
  return Error{EUCLEAN};
}

}  // namespace fuse3::reconnect
