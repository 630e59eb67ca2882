// Arguments of the requests about the connection itself, and of those that have no reply.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "support/ids.h"
#include "wire/opcode.h"

namespace fuse3::wire {

// With a major version other than kMajor only the two versions are valid.
struct Init {
  static constexpr Opcode opcode = Opcode::init;
  static constexpr bool node_in_header = false;
  uint32_t major = 0;
  uint32_t minor = 0;
  uint32_t max_readahead = 0;
  uint64_t flags = 0;  // init_flag; the upper half is 0 unless init_ext is set
  template <class V>
  void visit_ids(V&&) {}
};

struct CuseInit {
  static constexpr Opcode opcode = Opcode::cuse_init;
  static constexpr bool node_in_header = false;
  uint32_t major = 0;
  uint32_t minor = 0;
  uint32_t flags = 0;  // cuse_flag
  template <class V>
  void visit_ids(V&&) {}
};

struct Destroy {
  static constexpr Opcode opcode = Opcode::destroy;
  static constexpr bool node_in_header = false;
  template <class V>
  void visit_ids(V&&) {}
};

struct Statfs {
  static constexpr Opcode opcode = Opcode::statfs;
  static constexpr bool node_in_header = true;
  template <class V>
  void visit_ids(V&&) {}
};

struct Syncfs {
  static constexpr Opcode opcode = Opcode::syncfs;
  static constexpr bool node_in_header = true;
  template <class V>
  void visit_ids(V&&) {}
};

struct Interrupt {
  static constexpr Opcode opcode = Opcode::interrupt;
  static constexpr bool node_in_header = false;
  RequestId target;  // as its request carries it, so possibly with kResentBit
  template <class V>
  void visit_ids(V&&) {}
};

struct Forget {
  static constexpr Opcode opcode = Opcode::forget;
  static constexpr bool node_in_header = true;
  uint64_t nlookup = 0;
  template <class V>
  void visit_ids(V&&) {}
};

// Its entries stay in the request, so visit_ids() has none to hand out: whoever rewrites ids does
// so on each entry it takes.
class BatchForget {
 public:
  static constexpr Opcode opcode = Opcode::batch_forget;
  static constexpr bool node_in_header = false;
  struct Entry {
    NodeId node;
    uint64_t nlookup;
  };

  BatchForget() = default;
  // `bytes` holds whole entries only.
  explicit BatchForget(std::span<const std::byte> bytes) : bytes_(bytes) {}
  size_t size() const;
  Entry operator[](size_t index) const;
  template <class V>
  void visit_ids(V&&) {}

 private:
  std::span<const std::byte> bytes_;
};

// What NOTIFY_RETRIEVE asked for; the header's unique is the one that notification carried as
// notify_unique.
struct NotifyReply {
  static constexpr Opcode opcode = Opcode::notify_reply;
  static constexpr bool node_in_header = true;
  uint64_t offset = 0;
  uint32_t size = 0;
  // `size` bytes, or as many fewer as the message has outside().
  std::span<const std::byte> data;
  template <class V>
  void visit_ids(V&&) {}
};

}  // namespace fuse3::wire
