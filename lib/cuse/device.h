// What a session that serves a character device has beside the operations.
#pragma once

#include <string>

#include "cuse_lowlevel.h"

namespace fuse3::cuse {

struct Device {
  cuse_lowlevel_ops ops{};
  uint32_t major = 0;
  uint32_t minor = 0;
  uint32_t flags = 0;
  std::string info;  // texts, each with its terminating zero byte
};

// A session for the device, which has no descriptor yet. Null after a message.
fuse_session* new_session(fuse_args* args, const cuse_info& info, const cuse_lowlevel_ops& ops,
                          void* userdata);

}  // namespace fuse3::cuse
