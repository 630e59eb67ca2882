#include "reconnect/node_table.h"

#include <sys/stat.h>

#include <cstdio>
#include <mutex>

#include "support/log.h"

namespace fuse3::reconnect {
namespace {

// A path for the log: deep enough for what people name, and an end for what never does.
constexpr uint32_t kPathParts = 256;

}  // namespace

NodeTable::NodeTable(State& state, Mapping& mapping, SpinMutex& lock)
    : state_(state),
      mapping_(mapping),
      lock_(lock),
      nodes_(mapping.nodes()),
      space_(mapping, {reinterpret_cast<std::byte*>(mapping.nodes()), sizeof(NodeRecord),
                       mapping.sections().max_nodes, &mapping.header().heads.node_high_water,
                       mapping.node_floors()}),
      heads_ensured_(load(heads().buckets)),
      heads_end_(heads_end()),
      ino_heads_(mapping.max_buckets()) {}

void NodeTable::report_damage(const char* what) const {
  if (damage_reported_.exchange(true, std::memory_order_relaxed)) return;
  log_error("fuse: the reconnect state is damaged (%s); files it no longer describes give ESTALE\n",
            what);
}

Result<void> NodeTable::make_root() {
  heads_ensured_ = 0;
  if (auto ok = ensure_heads(0); !ok) return ok;
  if (auto ok = space_.begin(); !ok) return ok;
  NodeRecord& root = record(kRootIndex);
  root.kernel_count = 1;
  root.meta = make_meta(0, S_IFDIR, 0);
  root.identity_next = kNotChained;
  store(root.tag, make_tag(0, static_cast<uint32_t>(Kind::node)));
  store(heads().known_nodes, 1);
  store(heads().node_high_water, kRootIndex + 1);
  return {};
}

void NodeTable::begin_generation(Generation generation) {
  const std::lock_guard guard(lock_);
  generation_.store(static_cast<uint32_t>(generation.value), std::memory_order_relaxed);
  // A record cannot be bound in a generation that has only begun, unless the file is damaged; the
  // root can, when this is called twice.
  if (!bound(kRootIndex)) attach(kRootIndex, kRootNode.value, 1);
}

uint32_t NodeTable::index_of(NodeId id) const {
  const auto index = static_cast<uint32_t>(id.value);
  if (!usable(index) || !space_.present(index)) return 0;
  const uint64_t tag = load(record(index).tag);
  const bool same =
      tag == make_tag(static_cast<uint32_t>(id.value >> 32), static_cast<uint32_t>(Kind::node));
  return same ? index : 0;
}

Result<NodeRef> NodeTable::find(NodeId id) const {
  const uint32_t index = index_of(id);
  if (index == 0) return Error{ESTALE};
  return NodeRef{index};
}

NodeId NodeTable::id(uint32_t index) const {
  return NodeId{uint64_t{tag_reuse(load(record(index).tag))} << 32 | index};
}

Identity NodeTable::identity_of(uint32_t index) const {
  const uint64_t meta = load(record(index).meta);
  return Identity{load(record(index).ino), meta_dev(meta), meta_type(meta)};
}

Identity NodeTable::identity(uint32_t index) const {
  const std::lock_guard guard(lock_);
  return identity_of(index);
}

uint64_t NodeTable::count() const {
  return load(heads().known_nodes);
}

std::string NodeTable::path(uint32_t index) const {
  std::string path;
  char name[kMaxName];
  for (uint32_t n = 0; index != kRootIndex; ++n) {
    Edge edge;
    uint32_t cursor = 0;
    if (n == kPathParts || !next_edge(index, &cursor, name, &edge)) return "?" + path;
    path.insert(0, edge.name);
    path.insert(path.begin(), '/');
    index = edge.parent;
  }
  return path.empty() ? "/" : path;
}

}  // namespace fuse3::reconnect
