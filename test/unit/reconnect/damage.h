// Spoiled states: making them, and using them as a successor would. Shared with the fuzzer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace fuse3::reconnect {

// A state with something of everything in it.
std::vector<std::byte> sample_state();
// Opens it, recovers it and does every operation on it. 1 if it was used, 0 if it was refused.
int open_and_use(const std::vector<std::byte>& bytes);
// Offset of a word that matters, chosen by `choice`.
size_t interesting_word(const std::vector<std::byte>& bytes, uint64_t choice);
// Gives the first slot a published journal of random entries.
void add_journal(std::vector<std::byte>& bytes, const std::function<uint64_t()>& random);

}  // namespace fuse3::reconnect
