// Every invariant of the streams, for tests and tools.
#include <mutex>
#include <vector>

#include "reconnect/state.h"
#include "reconnect/stream_table.h"

namespace fuse3::reconnect {

Result<void> StreamTable::verify(std::string* why) const {
  const std::lock_guard guard(lock_);
  const uint32_t end = load(mapping_.header().heads.node_high_water);
  std::vector<bool> seen(end);
  std::string problem;
  // The length of a chain; a record is in one chain.
  const auto walk = [&](uint32_t first) {
    uint64_t length = 0;
    for (uint32_t i = first; i != 0; i = record(i).text, ++length) {
      if (!is_stream(i) || seen[i]) {
        problem = "record " + std::to_string(i) + " is in a stream where it does not belong";
        return length;
      }
      seen[i] = true;
    }
    return length;
  };
  state_.handles().for_each([&](uint32_t index) {
    if (state_.handles().kind(index) != HandleKind::directory) return;
    const uint64_t stream = handle(index).stream;
    const uint64_t length = walk(static_cast<uint32_t>(stream >> 32));
    if (length * kStreamEntries >= static_cast<uint32_t>(stream)) return;
    problem = "the stream of handle " + std::to_string(index) + " is longer than its records";
  });
  uint32_t chain = free_head();
  while (chain != 0 && problem.empty()) {
    walk(chain);
    if (problem.empty()) chain = record(chain).free_next;
  }
  for (uint32_t i = 1; i < end && problem.empty(); ++i) {
    if (is_stream(i) && !seen[i]) {
      problem = "record " + std::to_string(i) + " is of a stream that is nobody's";
    }
  }
  if (problem.empty()) return {};
  if (why) *why = std::move(problem);
  return Error{EUCLEAN};
}

}  // namespace fuse3::reconnect
