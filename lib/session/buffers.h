// For programs with a loop of their own: requests pass through a buffer of the caller's.
#pragma once

#include "fuse_lowlevel.h"

namespace fuse3 {

// Bytes received, 0 when the session is at its end, or a negative errno. `buffer.mem` is allocated
// with malloc() when it is null, and is the caller's to free.
int receive_buffer(fuse_session& session, fuse_buf& buffer);
// What such a program polls: the device, or, with reconnect, what stands for it.
int descriptor_to_wait_for(fuse_session& session);
void process_buffer(fuse_session& session, const fuse_buf& buffer);

}  // namespace fuse3
