// Backing files: what the kernel reads and writes by itself. It keeps those of dead incarnations
// while a file is open on them, and knows them by numbers that the filesystem does not.
//
// All open files of a node have to have the same one. So while some have one that a dead
// incarnation registered, those that are opened get it as well, whatever the filesystem registered
// for them, which it gives back itself. What nobody can give back any more the library does.
#include "lowlevel/backing.h"
#include "reconnect/seam/guard.h"
#include "reconnect/seam/reconnect_seam.h"

namespace fuse3::reconnect {
namespace {

constexpr uint32_t kSweepStep = 64;

}  // namespace

void ReconnectSeam::backing_opened(uint32_t id) {
  std::atomic_ref<uint32_t> last(state_->mapping().header().backing_last);
  uint32_t seen = last.load(std::memory_order_relaxed);
  while (seen < id && !last.compare_exchange_weak(seen, id)) {
  }
}

// In a successor, before anything is run.
void ReconnectSeam::find_old_backings() {
  Header& header = state_->mapping().header();
  last_sweep_ = load(header.backing_last);
  if (last_sweep_ == 0) return;
  HandleTable& handles = state_->handles();
  std::lock_guard guard(backings_lock_);
  handles.for_each([&](uint32_t index) {
    const uint32_t id = handles.backing(index);
    if (id == 0) return;
    OldBacking& old = old_backings_[handles.node(index).value];
    old.id = id;
    ++old.handles;
    kept_backings_.insert(id);
  });
  any_old_backings_.store(!old_backings_.empty(), std::memory_order_release);
  if (load(header.backing_swept) < last_sweep_) {
    next_sweep_.store(load(header.backing_swept) + 1, std::memory_order_release);
  }
}

// What the kernel is told for an open file for which the filesystem has registered `id`.
uint32_t ReconnectSeam::backing_for(NodeId node, uint32_t id) {
  if (!any_old_backings_.load(std::memory_order_acquire)) return id;
  if (!holds(Guard::backing_same)) return id;
  std::lock_guard guard(backings_lock_);
  const auto old = old_backings_.find(node.value);
  if (old == old_backings_.end()) return id;
  ++old->second.handles;
  return old->second.id;
}

// An open file that had it is closed. Given back before the handle is gone: a successor does it
// again, which does no harm, since the kernel does not give a number again for a long time.
void ReconnectSeam::backing_left(NodeId node, uint32_t id) {
  if (id == 0 || !any_old_backings_.load(std::memory_order_acquire)) return;
  {
    std::lock_guard guard(backings_lock_);
    const auto old = old_backings_.find(node.value);
    if (old == old_backings_.end() || old->second.id != id || --old->second.handles > 0) return;
    old_backings_.erase(old);
  }
  (void)close_backing(session_.device(0), static_cast<int>(id));
}

// Gives back some of what dead incarnations registered and no open file has: a few at a time, so
// that no request waits for it.
void ReconnectSeam::sweep_backings() {
  const uint32_t from = next_sweep_.load(std::memory_order_relaxed);
  if (from == 0 || !holds(Guard::backing_swept)) return;
  const uint32_t end = last_sweep_ - from < kSweepStep ? last_sweep_ : from + kSweepStep - 1;
  uint32_t expected = from;
  if (!next_sweep_.compare_exchange_strong(expected, end == last_sweep_ ? 0 : end + 1)) return;
  for (uint64_t id = from; id <= end; ++id) {
    // Constant since the start of this incarnation.
    const bool kept = kept_backings_.contains(static_cast<uint32_t>(id));
    if (kept && holds(Guard::backing_kept)) continue;
    (void)close_backing(session_.device(0), static_cast<int>(id));
  }
  if (end == last_sweep_) store(state_->mapping().header().backing_swept, last_sweep_);
}

void ReconnectSeam::free_handle(const Slot& slot, HandleId id, const SlotPublish& publish) {
  HandleTable& handles = state_->handles();
  if (const auto handle = handles.find(id)) {
    backing_left(handles.node(handle->index), handles.backing(handle->index));
  }
  (void)handles.free(slot, id, publish);
}

}  // namespace fuse3::reconnect
