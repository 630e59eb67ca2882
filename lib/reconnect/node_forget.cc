// Lookups taken back, and what is freed because of it.
#include <algorithm>
#include <mutex>

#include "reconnect/crash_point.h"
#include "reconnect/node_table.h"

namespace fuse3::reconnect {

Result<FsForget> NodeTable::forget(const Slot& slot, NodeId id, uint64_t n,
                                   const SlotPublish& publish) {
  return take_back(slot, id, n, false, publish);
}

Result<FsForget> NodeTable::ungrant(const Slot& slot, NodeId id, const SlotPublish& publish) {
  return take_back(slot, id, 1, true, publish);
}

Result<FsForget> NodeTable::take_back(const Slot& slot, NodeId id, uint64_t n, bool refused,
                                      const SlotPublish& publish) {
  Txn txn(state_, slot);
  const uint32_t index = index_of(id);
  FsForget tell;
  if (index != 0) {
    NodeRecord& r = record(index);
    const uint64_t before = load(r.kernel_count);
    // The root keeps the one lookup that no reply granted.
    const uint64_t least = index == kRootIndex ? 1 : 0;
    const uint64_t after = before - std::min(n, before > least ? before - least : 0);
    if (after != before) {
      txn.set(r.kernel_count, after);
      tell = lower_fs_count(index, after, refused);
      if (after == 0) {
        txn.set(heads().known_nodes, txn.get(heads().known_nodes) - 1);
        doom_if_unused(txn, index);
        if (txn.get(slot.header().cascade) == index) step_cascade(txn);
      }
    }
  }
  txn.publish(publish);
  if (auto ok = txn.commit(); !ok) return ok.as_error();
  return tell;
}

// The filesystem's count after the kernel's was lowered, and what the filesystem does not know yet.
FsForget NodeTable::lower_fs_count(uint32_t index, uint64_t kernel_count, bool refused) {
  if (!bound(index) || index == kRootIndex) return {};
  NodeRecord& r = record(index);
  if (refused && r.fs_count > 0) --r.fs_count;
  if (kernel_count == 0 || r.fs_count == 0) return detach(index);
  if (r.fs_count <= kernel_count) return {};
  const FsForget tell{r.fs_ino, r.fs_count - kernel_count};
  r.fs_count = kernel_count;
  return tell;
}

// Frees the first node of the slot's list, or one of its further names.
void NodeTable::step_cascade(Txn& txn) {
  uint32_t& cascade = txn.slot().header().cascade;
  const uint32_t index = txn.get(cascade);
  NodeRecord& r = record(index);
  if (!is(index, Kind::node) || index == kRootIndex || txn.get(r.kernel_count) != 0 ||
      txn.get(r.children) != 0) {
    report_damage("a node in use was to be freed");
    return txn.set(cascade, 0);
  }
  if (const uint32_t alias = txn.get(r.alias); alias != 0) {
    if (is(alias, Kind::alias) && load(record(alias).owner) == index) {
      return drop_carrier(txn, alias);
    }
    report_damage("a further name belongs to another node");
    return txn.set(r.alias, 0);
  }
  txn.set(cascade, txn.get(r.free_next));
  if (txn.get(r.parent) != 0) drop_carrier(txn, index);
  unchain_identity(txn, index);
  if (bound(index)) {
    if (const FsForget left = detach(index); left.count != 0) {
      fs_forgets_.push_back(left);
      any_fs_forgets_.store(true, std::memory_order_release);
    }
  }
  release(txn, index);
}

void NodeTable::finish_cascade(const Slot& slot) {
  uint32_t& cascade = slot.header().cascade;
  while (load(cascade) != 0) {
    // The first node of the list is freed by this process or by a successor.
    crash_point(CrashPoint::cascade_step);
    Txn txn(state_, slot, Txn::Nested{});
    step_cascade(txn);
    if (!txn.commit()) store(cascade, 0);
  }
}

std::optional<FsForget> NodeTable::next_fs_forget() {
  if (!any_fs_forgets_.load(std::memory_order_acquire)) return std::nullopt;
  const std::lock_guard guard(lock_);
  if (fs_forgets_.empty()) return std::nullopt;
  const FsForget next = fs_forgets_.back();
  fs_forgets_.pop_back();
  if (fs_forgets_.empty()) any_fs_forgets_.store(false, std::memory_order_relaxed);
  return next;
}

}  // namespace fuse3::reconnect
