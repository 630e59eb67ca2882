// What a filesystem holds to wake those who poll a file.
#pragma once

#include <cstdint>

struct fuse_session;

struct fuse_pollhandle {
  uint64_t kernel_handle;
  fuse_session* session;
};
