// INIT: what the kernel offers, what the filesystem wants, what both will do.
#pragma once

#include "session/session.h"
#include "wire/request.h"

namespace fuse3 {

struct Agreement {
  wire::InitOut reply;
  fuse_conn_info connection;  // as the filesystem left it, adjusted to what is possible
  wire::Negotiated negotiated;
};

// Asks the filesystem's init() and makes the reply. Nothing in the session changes. EPROTO after a
// message when the two cannot agree.
Result<Agreement> negotiate(fuse_session& session, const wire::Init& offer);

// From here on the session speaks as agreed.
void adopt(fuse_session& session, const Agreement& agreement);

// What a new server needs of the kernel that was not agreed on with its predecessor, or no longer
// wants what was; an empty text when it can take over.
std::string difference(const wire::InitOut& agreed, const wire::InitOut& wanted);

// The largest request of a connection that may use `pages` pages of data.
size_t receive_size(size_t pages);
// How many pages of data one request may carry on this system.
size_t max_pages_limit();

}  // namespace fuse3
