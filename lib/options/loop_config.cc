#include "options/loop_config.h"

#include <cstdlib>

#include "support/log.h"

namespace fuse3 {

fuse_loop_config* loop_config_create() {
  auto* config = static_cast<fuse_loop_config*>(malloc(sizeof(fuse_loop_config)));
  if (config) *config = kDefaultLoopConfig;
  return config;
}

void loop_config_destroy(fuse_loop_config* config) {
  free(config);
}

bool loop_config_valid(const fuse_loop_config* config) {
  return config && config->magic == kLoopConfigMagic;
}

void loop_config_set_idle_threads(fuse_loop_config* config, unsigned value) {
  if (value > kMostThreads && value != UINT_MAX) {
    log_error("fuse: max_idle_threads=%u is out of range and ignored\n", value);
    return;
  }
  config->max_idle_threads = value;
}

void loop_config_set_max_threads(fuse_loop_config* config, unsigned value) {
  if (value == 0 || value > kMostThreads) {
    log_error("fuse: max_threads=%u is out of range and ignored\n", value);
    return;
  }
  config->max_threads = value;
}

void loop_config_set_clone_fd(fuse_loop_config* config, unsigned value) {
  config->clone_fd = value != 0;
}

void loop_config_convert(fuse_loop_config* config, const fuse_loop_config_v1* old) {
  loop_config_set_idle_threads(config, old->max_idle_threads);
  loop_config_set_clone_fd(config, old->clone_fd != 0);
}

}  // namespace fuse3
