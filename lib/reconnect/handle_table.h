// Open files and directories, as the kernel calls them and as the filesystem does.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "reconnect/journal.h"
#include "reconnect/layout.h"
#include "reconnect/mapping.h"
#include "reconnect/record_space.h"
#include "reconnect/slots.h"
#include "support/ids.h"
#include "support/result.h"
#include "support/spin_mutex.h"

namespace fuse3::reconnect {

struct HandleRef {
  uint32_t index = 0;
};

class HandleTable {
 public:
  HandleTable(State& state, Mapping& mapping, SpinMutex& lock);
  HandleTable(const HandleTable&) = delete;
  HandleTable& operator=(const HandleTable&) = delete;

  // A reply grants a handle. ENOMEM, EUCLEAN.
  Result<HandleId> grant(const Slot& slot, NodeId node, uint64_t fs_fh, uint32_t open_flags,
                         uint32_t fopen_flags, HandleKind kind, const SlotPublish& publish);
  // The same as part of a transaction that does more. Does not publish.
  Result<HandleId> grant_in(Txn& txn, NodeId node, uint64_t fs_fh, uint32_t open_flags,
                            uint32_t fopen_flags, HandleKind kind, uint32_t backing = 0);
  // ESTALE: no such handle; the slot's words are stored nevertheless.
  Result<void> free(const Slot& slot, HandleId id, const SlotPublish& publish);
  // The same as part of a transaction that does more. Does not publish.
  Result<void> free_in(Txn& txn, HandleId id);

  // ---- no lock
  // ESTALE: the table has no such handle.
  Result<HandleRef> find(HandleId id) const;
  bool bound(uint32_t index) const {
    return load(record(index).bound_generation) == generation_.load(std::memory_order_relaxed);
  }
  uint64_t fs_fh(uint32_t index) const { return load(record(index).fs_fh); }
  NodeId node(uint32_t index) const { return NodeId{load(record(index).node)}; }
  HandleKind kind(uint32_t index) const {
    return static_cast<HandleKind>(tag_kind(load(record(index).tag)));
  }
  uint32_t open_flags(uint32_t index) const { return load(record(index).open_flags); }
  uint32_t backing(uint32_t index) const { return load(record(index).backing); }
  uint32_t fopen_flags(uint32_t index) const { return load(record(index).fopen_flags); }
  uint32_t lent_mode(uint32_t index) const { return load(record(index).lent_mode); }
  void set_lent_mode(uint32_t index, uint32_t mode) { store(record(index).lent_mode, mode); }
  // Somebody who polls the file waits to be told by that handle of the kernel's; 0: nobody.
  void set_poll_handle(uint32_t index, uint64_t kernel_handle);
  // Of all open handles. It is allowed to tell somebody who does not wait any more.
  std::vector<uint64_t> poll_handles() const;

  // The library opened it again. False: another thread was faster, or it is gone; then the caller
  // gives `fs_fh` back to the filesystem.
  bool rebind(HandleId id, uint64_t fs_fh);

  uint32_t count() const { return load(mapping_.header().heads.handle_count); }
  // fn(index), for every open handle, without the lock.
  template <class Fn>
  void for_each(Fn fn) const {
    for (uint32_t i = 1, n = high_water(); i < n;) {
      if (!space_.present(i)) {
        i = space_.next_chunk(i);
        continue;
      }
      if (kind(i) != HandleKind::free) fn(i);
      ++i;
    }
  }
  HandleId id(uint32_t index) const;

  // ---- for State and Txn
  RecordSpace& space() { return space_; }
  void begin_generation(Generation generation);
  Result<void> verify(std::string* why) const;

 private:
  HandleRecord& record(uint32_t index) const { return handles_[index]; }
  uint32_t high_water() const;

  State& state_;
  Mapping& mapping_;
  SpinMutex& lock_;
  HandleRecord* handles_;
  std::atomic<uint32_t> generation_{UINT32_MAX};
  RecordSpace space_;
};

}  // namespace fuse3::reconnect
