// Decodes a request as whatever its opcode says and reads every byte the result gives access to, so
// that a sanitizer sees any that is out of bounds. Shared by the fuzzer and the unit tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "wire/request.h"

namespace fuse3::wire::test {

struct Touched {
  bool ok = false;
  // Depends on every field and every byte reached: equal for requests that mean the same.
  uint64_t sum = 0;
  unsigned nodes = 0;  // ids handed out by visit_ids()
  unsigned handles = 0;
};

Touched touch(const Message& message, const Negotiated& negotiated);

// One input of the fuzzer: kind (0 a request, 1 a request from the ring, 2 a reply), minor version,
// whether the extended SETXATTR was negotiated, the fixed part's length (for a reply its opcode),
// and then the packet.
void fuzz_one(std::span<const std::byte> input);

}  // namespace fuse3::wire::test
