// Places at which a test lets the process die. The list is complete, so that a test can fail for a
// point it never reached; what a successor finds is said where each one stands.
#pragma once

#include <cstdint>

namespace fuse3::reconnect {

enum class CrashPoint : uint32_t {
  journal_filled,
  journal_published,
  journal_half_applied,
  journal_applied,
  journal_cleared,
  cascade_step,
  slot_grown,
  slot_reply_noted,
  slot_length_cleared,
  init_bytes_written,
  generation_claimed,
  chunk_given_up,
  chunk_punched,
  chunk_filled,
  count,
};

#ifdef FUSE3_CRASH_POINTS
inline void (*crash_hook)(CrashPoint) = nullptr;
inline void crash_point(CrashPoint point) {
  if (crash_hook) crash_hook(point);
}
#else
constexpr void crash_point(CrashPoint) {}
#endif

}  // namespace fuse3::reconnect
