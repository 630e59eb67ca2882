#pragma once

#include <time.h>

#include <cstdint>

namespace fuse3 {

// Nanoseconds of CLOCK_MONOTONIC, which all processes have in common.
inline uint64_t monotonic_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

// Sleeps that long, unless a signal comes.
inline void pause_ms(unsigned milliseconds) {
  const timespec pause{milliseconds / 1000, static_cast<long>(milliseconds % 1000) * 1'000'000};
  ::nanosleep(&pause, nullptr);
}

}  // namespace fuse3
