// The settings of the multi-threaded loop, opaque to programs since interface 3.12.
#pragma once

#include <climits>
#include <cstdint>

#include "fuse_common.h"

struct fuse_loop_config {
  // Guards against a fuse_loop_config_v1 passed where this is meant: the first member there is
  // `clone_fd`, which is 0 or 1.
  uint32_t magic;
  int clone_fd;
  unsigned max_idle_threads;
  unsigned max_threads;
};

namespace fuse3 {

inline constexpr uint32_t kLoopConfigMagic = 0x66756c32;
inline constexpr unsigned kDefaultMaxThreads = 10;
// Idle threads are kept: ending and starting them again costs more than they do.
inline constexpr unsigned kDefaultMaxIdleThreads = UINT_MAX;
// More than this is a negative number or garbage, not a wish.
inline constexpr unsigned kMostThreads = 100000;

inline constexpr fuse_loop_config kDefaultLoopConfig = {kLoopConfigMagic, 0, kDefaultMaxIdleThreads,
                                                        kDefaultMaxThreads};

// From malloc(); null without memory.
fuse_loop_config* loop_config_create();
void loop_config_destroy(fuse_loop_config* config);
bool loop_config_valid(const fuse_loop_config* config);

// A value that cannot be meant is reported and ignored; UINT_MAX idle threads mean no limit.
void loop_config_set_idle_threads(fuse_loop_config* config, unsigned value);
void loop_config_set_max_threads(fuse_loop_config* config, unsigned value);
void loop_config_set_clone_fd(fuse_loop_config* config, unsigned value);
void loop_config_convert(fuse_loop_config* config, const fuse_loop_config_v1* old);

}  // namespace fuse3
