// Which records of a table are free, and which parts of the table have memory.
//
// A record is free when its tag says so. Nothing else in the mapping knows of free records, so
// there is nothing to be kept in step with the tags. What is remembered here is private to the
// process: it saw the tags, chunk by chunk, and the transactions since. A successor looks through a
// chunk at a time when it wants a record, or when many have become free.
//
// A chunk that has no record in use is given back to the system. Before, its floor is noted in the
// mapping: the largest `reuse` of its tags, from which its records go on when the chunk gets memory
// again, so that no id is given twice. A process that dies in between leaves a chunk with a floor,
// in whatever state its memory is: there is nothing in it that anybody needs, and each record that
// has a tag left goes on from that.
#pragma once

#include <bit>
#include <cstdint>

#include "reconnect/layout.h"
#include "reconnect/mapping.h"
#include "reconnect/slots.h"
#include "support/result.h"
#include "support/zeroed_array.h"

namespace fuse3::reconnect {

class State;
class Txn;

// All under the table lock, except present().
class RecordSpace {
 public:
  // A table's records, each of which starts with its tag; record 0 is none.
  struct Table {
    std::byte* records;
    uint32_t record_size;
    uint32_t max;
    uint32_t* high_water;
    uint32_t* floors;  // one for each chunk; null: the layout has none, nothing is given back
  };
  RecordSpace(Mapping& mapping, const Table& table);

  static constexpr uint32_t chunk_records(uint32_t max, uint32_t record_size) {
    const uint32_t usual = kChunkBytes / record_size;
    return max / kLeastChunks >= usual ? usual : kSmallChunk;
  }
  static constexpr uint32_t chunks(uint32_t max, uint32_t record_size) {
    const uint32_t size = chunk_records(max, record_size);
    return (max + size - 1) / size;
  }

  // Memory for the first records.
  Result<void> begin();
  // A free record, the caller's if the transaction is committed; its tag is the caller's to store.
  // ENOMEM.
  Result<uint32_t> take(Txn& txn);
  // Its id is used up.
  void release(Txn& txn, uint32_t index);
  // For Txn: a transaction that took or released it is committed.
  void committed(uint32_t index, bool taken);

  // Whether there is memory where the record is; what has none is free. Takes no lock.
  bool present(uint32_t index) const {
    return table_.floors == nullptr || load(table_.floors[index >> chunk_shift_]) == 0;
  }
  // The first record behind the one's chunk.
  uint32_t next_chunk(uint32_t index) const { return (index / chunk_ + 1) * chunk_; }

  // After a transaction: gives a chunk back if there are more than are kept for what comes next.
  void tidy(State& state, const Slot& slot) {
    if (untidy_) tidy_now(state, slot);
  }
  // A sentence about what is wrong, or null.
  const char* problem() const;

 private:
  static constexpr uint32_t kChunkBytes = 65536;
  static constexpr uint32_t kLeastChunks = 16;
  static constexpr uint32_t kSmallChunk = 64;  // whole pages of every kind of record
  // Of so many chunks one may be empty and keep its memory.
  static constexpr uint32_t kKeep = 1024;
  static constexpr uint32_t kNone = UINT32_MAX;
  static_assert(std::has_single_bit(kChunkBytes / uint32_t{sizeof(NodeRecord)}) &&
                std::has_single_bit(kChunkBytes / uint32_t{sizeof(HandleRecord)}) &&
                std::has_single_bit(kSmallChunk));

  // Chunks by their numbers.
  class Set {
   public:
    explicit Set(uint32_t chunks) : words_(chunks / 64 + 1), count_(chunks) {}
    bool has(uint32_t chunk) const { return (words_[chunk / 64] >> chunk % 64 & 1) != 0; }
    bool add(uint32_t chunk);
    bool remove(uint32_t chunk);
    uint32_t size() const { return size_; }
    // kNone: there is none.
    uint32_t lowest(uint32_t from) const;
    uint32_t highest() const;

   private:
    ZeroedArray<uint64_t> words_;
    uint32_t count_;
    uint32_t size_ = 0;
  };

  uint64_t& tag(uint32_t index) const;
  uint32_t high_water() const { return load(*table_.high_water); }
  bool seen(uint32_t chunk) const { return chunk < looked_at_ || chunk >= to_look_at_; }
  // Its records below the high water mark end there.
  uint32_t end_of(uint32_t chunk) const;
  uint64_t floor_of(uint32_t chunk) const;
  bool all_free(uint32_t chunk) const;
  uint32_t known_free(Txn& txn);
  uint32_t look_through(uint32_t chunk);
  Result<void> ensure(uint32_t index);
  Result<void> fill_hole(uint32_t chunk);
  void give_back(uint32_t chunk);
  void lower(State& state, const Slot& slot);
  void tidy_now(State& state, const Slot& slot);

  Mapping& mapping_;
  Table table_;
  uint32_t chunk_;
  uint32_t chunk_shift_;  // 1 << this is the same: every id that is looked up asks present()
  uint32_t keep_;
  ZeroedArray<uint64_t> free_;  // a bit for each record
  Set with_free_;
  Set empty_;
  Set holes_;               // below the high water mark
  uint32_t lowest_ = 0;     // no chunk below it has a free record
  uint32_t looked_at_ = 0;  // chunks from here to the next line's are not known
  uint32_t to_look_at_;
  uint32_t ensured_;  // how far there is memory, except for holes
  uint32_t freed_ = 0;
  bool untidy_ = false;
};

}  // namespace fuse3::reconnect
