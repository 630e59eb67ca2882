// One request as received, behind checks: no accessor can reach past its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "support/ids.h"
#include "support/result.h"
#include "wire/opcode.h"
#include "wire/structs_in.h"

namespace fuse3::wire {

// What was agreed at INIT and changes how a request is read.
struct Negotiated {
  uint32_t minor = 45;
  uint64_t flags = 0;  // init_flag bits both sides have
  uint32_t max_write = 0;
  uint32_t max_pages = 0;
};

// A view: the bytes belong to the caller and must stay as they are while the message, or anything
// decoded from it, is in use. Only the header is copied.
class Message {
 public:
  // A whole request in one piece. EPROTO when it is not exactly as long as its header says.
  static Result<Message> parse(std::span<const std::byte> bytes);
  // The beginning of a request whose last `outside` bytes were left elsewhere (WRITE data in a
  // pipe).
  static Result<Message> parse_split(std::span<const std::byte> bytes, size_t outside);
  // A request from the ring: the fixed part is in the op header, of which only as much is looked at
  // as the lengths in the header leave for it; the rest is the payload.
  static Result<Message> from_ring(const InHeader& header, std::span<const std::byte> op_header,
                                   std::span<const std::byte> payload);

  const InHeader& header() const { return header_; }
  Opcode opcode() const { return static_cast<Opcode>(header_.opcode); }
  // As received, so possibly with kResentBit; a reply must carry it unchanged.
  RequestId unique() const { return RequestId{header_.unique}; }
  NodeId node() const { return NodeId{header_.nodeid}; }
  uint32_t uid() const { return header_.uid; }
  uint32_t gid() const { return header_.gid; }
  uint32_t pid() const { return header_.pid; }

  // The fixed part of a request from the ring; empty for one from the device.
  std::span<const std::byte> op_header() const { return op_header_; }
  // What follows the header (on the ring: the op header), without the extensions.
  std::span<const std::byte> body() const { return body_; }
  std::span<const std::byte> extension() const { return extension_; }
  size_t outside() const { return outside_; }

  // The request in one piece, as the device would have given it: returns the bytes written, which
  // are header().len less outside(). ENOBUFS when they do not fit, and then nothing was written.
  Result<size_t> copy_to(std::span<std::byte> buffer) const;

 private:
  Message() = default;

  InHeader header_{};
  std::span<const std::byte> op_header_;
  std::span<const std::byte> body_;
  std::span<const std::byte> extension_;
  size_t outside_ = 0;
};

// Walks Message::extension().
class ExtensionWalker {
 public:
  struct Extension {
    uint32_t type;
    std::span<const std::byte> body;  // without its header
  };
  explicit ExtensionWalker(std::span<const std::byte> bytes) : rest_(bytes) {}
  // Empty at the end, and at the first entry that does not fit.
  std::optional<Extension> next();

 private:
  std::span<const std::byte> rest_;
};

}  // namespace fuse3::wire
