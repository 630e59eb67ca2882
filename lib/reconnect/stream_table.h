// What has been delivered of the directories that are being read: for each directory handle the
// entries of its stream, in order. So a successor knows, at whatever offset it is asked to go on,
// what need not be delivered any more. The records are in the node table.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reconnect/journal.h"
#include "reconnect/layout.h"
#include "reconnect/mapping.h"
#include "reconnect/slots.h"
#include "support/ids.h"
#include "support/result.h"
#include "support/spin_mutex.h"
#include "support/zeroed_array.h"

namespace fuse3::reconnect {

class StreamTable {
 public:
  StreamTable(State& state, Mapping& mapping, SpinMutex& lock);
  StreamTable(const StreamTable&) = delete;
  StreamTable& operator=(const StreamTable&) = delete;

  // As in StreamEntry::name.
  uint64_t hash(std::string_view name) const;

  // How many entries a stream has delivered that is at `offset`. Nothing: it never was there.
  std::optional<uint32_t> position(uint32_t handle, uint64_t offset);
  // Up to `most` entries from a position on.
  std::vector<StreamEntry> entries(uint32_t handle, uint32_t from, uint32_t most) const;
  // The stream goes on at `position` with these entries; the position behind them. What was there
  // is replaced, unless it is the same: then it stays with all that follows, to which a reader may
  // come back with seekdir(). Nothing: there is no memory, or no such handle any more; the stream
  // ends with what is in it by then.
  std::optional<uint32_t> put(const Slot& slot, HandleId id, uint32_t position,
                              std::span<const StreamEntry> entries);

  // By whom the handle was opened first. Another incarnation's offsets mean nothing now.
  enum class Opened : bool { here, before };
  Opened opened(uint32_t handle) const;
  // The reader starts anew, and has offsets of this incarnation only from now on.
  void start_anew(uint32_t handle);
  // An offset that no stream of this connection has had.
  uint64_t new_offset();

  // ---- for HandleTable, under the lock
  void begin(uint32_t handle, Opened opened);
  void free_in(Txn& txn, uint32_t handle);
  // For Txn, after it.
  void tidy(const Slot& slot);

  // ---- for State
  Result<void> verify(std::string* why) const;

 private:
  // Where in its chain a record is.
  struct Place {
    uint32_t ordinal = 0;
    uint32_t record = 0;  // 0: not known
  };
  struct Cursor {
    Place last_read;  // the reader was there last
    Place end;        // of the stream's last entry
    Opened opened = Opened::here;
  };
  struct Chain {
    uint32_t first = 0;
    uint32_t last = 0;
  };

  HandleRecord& handle(uint32_t index) const { return mapping_.handles()[index]; }
  StreamRecord& record(uint32_t index) const;
  bool is_stream(uint32_t index) const;
  uint32_t& free_head() const { return mapping_.nodes()[0].free_next; }
  Cursor& cursor(uint32_t handle) const { return cursors_[handle]; }
  std::optional<uint32_t> search(uint32_t handle, uint64_t offset, Place from, uint32_t records,
                                 Place* found) const;
  Place place_of(uint32_t handle, uint32_t ordinal);
  bool keeps(Place* place, uint32_t* position, uint32_t count,
             std::span<const StreamEntry>* entries) const;
  bool append(Txn& txn, uint32_t handle, uint32_t position, std::span<const StreamEntry> entries,
              Cursor& cursor);
  Result<Chain> take(Txn& txn, uint32_t most);
  Result<Chain> make(Txn& txn, uint32_t count);

  State& state_;
  Mapping& mapping_;
  SpinMutex& lock_;
  // Private to the process, under the lock.
  ZeroedArray<Cursor> cursors_;  // by handle
  uint64_t offsets_made_ = 0;
  uint32_t spare_;  // about so many records are on the free list; a successor takes it to be long
};

}  // namespace fuse3::reconnect
