// A hash of bytes with a secret seed: whoever chooses the bytes cannot choose the hash.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace fuse3 {

inline constexpr uint64_t kHashMix1 = 0x9e37'79b9'7f4a'7c15;
inline constexpr uint64_t kHashMix2 = 0xd6e8'feb8'6659'fd93;

inline uint64_t hash_mix(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t hash_bytes(uint64_t seed, std::string_view bytes) {
  uint64_t h = hash_mix(seed, kHashMix1 ^ bytes.size());
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    h = hash_mix(h ^ word, kHashMix2);
  }
  uint64_t last = 0;
  if (left > 0) std::memcpy(&last, at, left);
  return hash_mix(h ^ last, kHashMix1);
}

}  // namespace fuse3
