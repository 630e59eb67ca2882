// Looking into a reply that is being put together in a slot.
#pragma once

#include <cstring>
#include <span>

#include "wire/reply.h"

namespace fuse3::reconnect {

// `reply` is the whole message, its header included.
inline void put_header(std::span<std::byte> reply, RequestId unique, int error) {
  const wire::OutHeader header =
      wire::make_header(unique, error, reply.size() - sizeof(wire::OutHeader));
  std::memcpy(reply.data(), &header, sizeof header);
}

// An aligned word, where a transaction puts an id that it grants.
inline uint64_t* word_at(std::span<std::byte> reply, size_t offset) {
  return reinterpret_cast<uint64_t*>(reply.data() + offset);
}

}  // namespace fuse3::reconnect
