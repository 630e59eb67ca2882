// The golden packets: bytes made by make_golden.py, which knows nothing of the code under test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "wire/request.h"

namespace fuse3::wire::test {

struct GoldenRequest {
  std::string_view name;
  uint32_t minor;
  uint64_t flags;
  size_t fixed;     // length of the fixed part
  size_t required;  // below this length it must be refused
  std::string_view hex;

  Negotiated negotiated() const { return {.minor = minor, .flags = flags}; }
  std::vector<std::byte> bytes() const;
};

struct GoldenReply {
  std::string_view name;
  std::string_view hex;
};

std::span<const GoldenRequest> golden_requests();
const GoldenRequest& golden_request(std::string_view name);
std::vector<std::byte> golden_reply(std::string_view name);

// Field values that make_golden.py puts into every packet.
inline constexpr RequestId kUnique{0x0102030405060708};
inline constexpr NodeId kNode{0x1112131415161718};
inline constexpr NodeId kNode2{0x5152535455565758};
inline constexpr HandleId kHandle{0x2122232425262728};
inline constexpr HandleId kHandle2{0x3132333435363738};
inline constexpr uint64_t kOwner = 0x4142434445464748;

// A golden packet with the message on it, which points into its bytes.
class Packet {
 public:
  explicit Packet(std::string_view name)
      : golden(golden_request(name)),
        bytes(golden.bytes()),
        message(*Message::parse(bytes)),
        negotiated(golden.negotiated()) {}

  template <class Args>
  Result<Args> as() const {
    return decode<Args>(message, negotiated);
  }

  const GoldenRequest& golden;
  std::vector<std::byte> bytes;
  Message message;
  Negotiated negotiated;
};

inline std::string_view text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace fuse3::wire::test
