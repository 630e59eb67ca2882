// From a command line to a device that is ready to be served.
#pragma once

#include "cuse_lowlevel.h"
#include "support/result.h"

namespace fuse3::cuse {

struct Prepared {
  fuse_session* session = nullptr;  // null: only help or the version was asked for
  bool multithreaded = true;
};

// An error comes after a message.
Result<Prepared> set_up(int argc, char* argv[], const cuse_info& info, const cuse_lowlevel_ops& ops,
                        void* userdata);
void tear_down(fuse_session* session);

}  // namespace fuse3::cuse
