// Answers for requests that are not being served.
#pragma once

#include <sys/uio.h>

#include "transport/transport.h"
#include "wire/reply.h"

namespace fuse3 {

// A reply that is its header alone.
inline Result<void> send_bare_reply(Transport& transport, int device, RequestId id, int error) {
  wire::OutHeader header = wire::make_header(id, error, 0);
  const iovec piece{&header, sizeof header};
  return transport.send(device, &piece, 1);
}

}  // namespace fuse3
