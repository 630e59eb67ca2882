// The state as memory: one shared, sparse file, mapped whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "reconnect/layout.h"
#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3::reconnect {

// The largest the tables may become. Only what is used takes memory.
struct Geometry {
  uint32_t max_nodes = 1u << 23;
  uint32_t max_handles = 1u << 20;
  uint32_t max_slots = 1024;
  uint32_t slot_buffer_size = (1u << 20) + 2 * kPage;
};

// What is written once when the state is made.
struct StateParameters {
  uint32_t connection = 0;
  uint32_t owner = 0;
  std::string_view executable;
  std::string_view options;
  std::string_view mountpoint;
  Geometry geometry;
  // An older one is for tests of what this library makes of it.
  uint32_t layout_version = kLayoutVersion;
};

// Where the locks are, behind all else; computed, because older versions have none.
struct LockSection {
  uint64_t buckets_at = 0;
  uint64_t records_at = 0;
  uint32_t buckets = 0;
  uint32_t max_locks = 0;  // 0: there is no such section
};

// Where the floors of the node and the handle table's chunks are (RecordSpace), behind the locks.
struct FloorSection {
  uint64_t nodes_at = 0;  // 0: there is no such section
  uint64_t handles_at = 0;
  uint64_t end = 0;
};

class Mapping {
 public:
  // `fd` is open for reading and writing and empty. E2BIG: a text is too long to be kept.
  static Result<Mapping> create(UniqueFd fd, const StateParameters& parameters);
  // Checks all that does not grow with the tables. On failure `why` is a sentence for the log.
  static Result<Mapping> open(UniqueFd fd, std::string* why);

  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping();

  int fd() const { return fd_.get(); }
  std::byte* base() const { return base_; }
  uint64_t size() const { return sections_.total; }
  Header& header() const { return *reinterpret_cast<Header*>(base_); }
  // A private copy: what the file says later does not matter.
  const Sections& sections() const { return sections_; }
  uint64_t hash_seed() const { return hash_seed_; }

  uint32_t* edge_heads() const { return at<uint32_t>(sections_.edge_heads); }
  uint32_t* identity_heads() const { return at<uint32_t>(sections_.identity_heads); }
  uint32_t max_buckets() const { return max_buckets(sections_.max_nodes); }
  static constexpr uint32_t max_buckets(uint32_t max_nodes) {
    return max_nodes > kMinBuckets ? max_nodes : kMinBuckets;
  }
  NodeRecord* nodes() const { return at<NodeRecord>(sections_.nodes); }
  HandleRecord* handles() const { return at<HandleRecord>(sections_.handles); }
  const LockSection& lock_section() const { return lock_section_; }
  uint32_t* lock_buckets() const { return at<uint32_t>(lock_section_.buckets_at); }
  LockRecord* locks() const { return at<LockRecord>(lock_section_.records_at); }
  // Null where there are none.
  uint32_t* node_floors() const { return floors(floor_section_.nodes_at); }
  uint32_t* handle_floors() const { return floors(floor_section_.handles_at); }
  // Of what the sections in it allow; to be stored in the header with the first change.
  uint32_t layout_version() const;
  SlotHeader* slot(uint32_t index) const { return at<SlotHeader>(slot_offset(index)); }
  std::byte* slot_buffer(uint32_t index) const { return base_ + slot_offset(index) + kPage; }

  uint64_t offset_of(const void* word) const {
    return static_cast<uint64_t>(static_cast<const std::byte*>(word) - base_);
  }
  uint64_t slot_offset(uint32_t index) const {
    return sections_.slots + uint64_t{index} * (uint64_t{kPage} + sections_.slot_buffer_size);
  }
  // Whether the tables' own words are possible; `why` is a sentence if not.
  bool heads_possible(std::string* why) const;
  // Whether a transaction may store `width` bytes at `offset`.
  bool may_journal(uint64_t offset, uint32_t width) const;

  // Gets memory for a range before it is touched: a file system that is full is an error here and
  // would be SIGBUS later.
  Result<void> ensure(uint64_t offset, uint64_t length);
  // Takes the memory of whole pages away; they read as zero from then on.
  void punch(uint64_t offset, uint64_t length);
  // Makes a range present in this process, so that storing into it does not fault.
  void populate(uint64_t offset, uint64_t length);
  // The same, and asks for it to stay so: where the limit on locked memory forbids that, the range
  // may be swapped out.
  void pin(uint64_t offset, uint64_t length);

 private:
  Mapping(UniqueFd fd, std::byte* base, const Fixed& fixed);

  template <class T>
  T* at(uint64_t offset) const {
    return reinterpret_cast<T*>(base_ + offset);
  }

  uint32_t* floors(uint64_t offset) const { return offset == 0 ? nullptr : at<uint32_t>(offset); }

  UniqueFd fd_;
  std::byte* base_;
  Sections sections_;
  LockSection lock_section_;
  FloorSection floor_section_;
  uint64_t hash_seed_;
};

}  // namespace fuse3::reconnect
