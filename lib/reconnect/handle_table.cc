#include "reconnect/handle_table.h"

#include <mutex>

#include "reconnect/state.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

constexpr HandleId make_id(uint64_t tag, uint32_t index) {
  return HandleId{uint64_t{tag_reuse(tag)} << 32 | index};
}

}  // namespace

HandleTable::HandleTable(State& state, Mapping& mapping, SpinMutex& lock)
    : state_(state),
      mapping_(mapping),
      lock_(lock),
      handles_(mapping.handles()),
      space_(mapping, {reinterpret_cast<std::byte*>(mapping.handles()), sizeof(HandleRecord),
                       mapping.sections().max_handles, &mapping.header().heads.handle_high_water,
                       mapping.handle_floors()}) {}

uint32_t HandleTable::high_water() const {
  return load(mapping_.header().heads.handle_high_water);
}

void HandleTable::begin_generation(Generation generation) {
  generation_.store(static_cast<uint32_t>(generation.value), std::memory_order_relaxed);
}

Result<HandleId> HandleTable::grant_in(Txn& txn, NodeId node, uint64_t fs_fh, uint32_t open_flags,
                                       uint32_t fopen_flags, HandleKind kind, uint32_t backing) {
  auto made = space_.take(txn);
  if (!made) return made.as_error();
  HandleRecord& r = record(*made);
  store(r.open_flags, open_flags);
  store(r.node, node.value);
  store(r.fopen_flags, fopen_flags);
  store(r.fs_fh, fs_fh);
  store(r.poll_handle, 0);
  store(r.backing, backing);
  store(r.lent_mode, 0);
  store(r.stream, 0);
  store(r.bound_generation, generation_.load(std::memory_order_relaxed));
  state_.streams().begin(*made, StreamTable::Opened::here);
  txn.set(r.tag, make_tag(tag_reuse(load(r.tag)), static_cast<uint32_t>(kind)));
  uint32_t& count = mapping_.header().heads.handle_count;
  txn.set(count, txn.get(count) + 1);
  return make_id(load(r.tag), *made);
}

Result<HandleId> HandleTable::grant(const Slot& slot, NodeId node, uint64_t fs_fh,
                                    uint32_t open_flags, uint32_t fopen_flags, HandleKind kind,
                                    const SlotPublish& publish) {
  Txn txn(state_, slot);
  auto id = grant_in(txn, node, fs_fh, open_flags, fopen_flags, kind);
  if (!id) return id;
  if (publish.handle_id) *publish.handle_id = id->value;
  txn.publish(publish);
  if (auto ok = txn.commit(); !ok) return ok.as_error();
  return id;
}

Result<void> HandleTable::free_in(Txn& txn, HandleId id) {
  auto ref = find(id);
  if (!ref) return ref.as_error();
  Heads& heads = mapping_.header().heads;
  state_.streams().free_in(txn, ref->index);
  space_.release(txn, ref->index);
  txn.set(heads.handle_count, txn.get(heads.handle_count) - 1);
  return {};
}

Result<void> HandleTable::free(const Slot& slot, HandleId id, const SlotPublish& publish) {
  Txn txn(state_, slot);
  const auto freed = free_in(txn, id);
  txn.publish(publish);
  if (auto ok = txn.commit(); !ok) return ok;
  return freed;
}

Result<HandleRef> HandleTable::find(HandleId id) const {
  const auto index = static_cast<uint32_t>(id.value);
  if (index == 0 || index >= high_water() || !space_.present(index)) return Error{ESTALE};
  const uint64_t tag = load(record(index).tag);
  const uint32_t kind = tag_kind(tag);
  const bool open = kind == static_cast<uint32_t>(HandleKind::file) ||
                    kind == static_cast<uint32_t>(HandleKind::directory);
  if (!open || make_id(tag, index) != id) return Error{ESTALE};
  return HandleRef{index};
}

void HandleTable::set_poll_handle(uint32_t index, uint64_t kernel_handle) {
  store(mapping_.header().polled, 1);
  store(record(index).poll_handle, kernel_handle);
}

std::vector<uint64_t> HandleTable::poll_handles() const {
  std::vector<uint64_t> waiting;
  if (load(mapping_.header().polled) == 0) return waiting;
  for_each([&](uint32_t index) {
    if (const uint64_t kernel_handle = load(record(index).poll_handle); kernel_handle != 0) {
      waiting.push_back(kernel_handle);
    }
  });
  return waiting;
}

HandleId HandleTable::id(uint32_t index) const {
  return make_id(load(record(index).tag), index);
}

bool HandleTable::rebind(HandleId id, uint64_t fs_fh) {
  const std::lock_guard guard(lock_);
  const auto ref = find(id);
  if (!ref || bound(ref->index)) return false;
  state_.streams().begin(ref->index, StreamTable::Opened::before);
  store(record(ref->index).fs_fh, fs_fh);
  store(record(ref->index).bound_generation, generation_.load(std::memory_order_relaxed));
  return true;
}

Result<void> HandleTable::verify(std::string* why) const {
  const Heads& heads = mapping_.header().heads;
  const auto broken = [&](std::string what) {
    if (why) *why = std::move(what);
    return Error{EUCLEAN};
  };
  uint32_t live = 0;
  for (uint32_t i = 1; i < high_water(); ++i) {
    const uint32_t kind = tag_kind(load(record(i).tag));
    if (kind > static_cast<uint32_t>(HandleKind::directory)) {
      return broken("handle " + std::to_string(i) + " is of no kind");
    }
    if (kind != 0) ++live;
  }
  if (live != heads.handle_count) return broken("the count of handles is wrong");
  return {};
}

}  // namespace fuse3::reconnect
