// The body of a row: decode, replace ids, call the handler.
#pragma once

#include <cerrno>

#include "session/lane.h"
#include "session/session.h"
#include "wire/request.h"

namespace fuse3 {

inline int reply(fuse_req& req, const Reply& reply) { return req.seam->reply(req, reply); }

// The kernel does not take a reply with a larger one, and then the request is never answered.
inline constexpr int kLargestError = 511;

inline int reply_error(fuse_req& req, int error) {
  if (error < 0 || error > kLargestError) error = ERANGE;
  return reply(req, {.error = -error});
}

// Decodes and replaces the ids; nothing if the request was answered or is parked.
template <class Args>
std::optional<Args> take_args(fuse_req& req) {
  auto args = wire::decode<Args>(*req.message, req.session->negotiated);
  if (!args) {
    reply_error(req, args.error());
    return std::nullopt;
  }
  IdRefs ids;
  NodeId node = req.message->node();
  if constexpr (Args::node_in_header) ids.node(node);
  args->visit_ids(ids);
  if (!req.seam->raise(req, ids)) return std::nullopt;
  req.ino = node.value;
  return std::move(*args);
}

template <class Args, void (*Handler)(fuse_req&, const Args&)>
void operation(fuse_req& req) {
  if (const auto args = take_args<Args>(req)) Handler(req, *args);
}

inline fuse_file_info file_info(HandleId handle, uint32_t flags = 0) {
  fuse_file_info info{};
  info.fh = handle.value;
  info.flags = static_cast<int32_t>(flags);
  return info;
}

}  // namespace fuse3
