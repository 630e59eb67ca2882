// What a request and a filesystem's answer say, as the seam needs it.
#pragma once

#include "reconnect/seam/inquiry.h"
#include "reconnect/state.h"
#include "session/session.h"
#include "wire/request.h"

namespace fuse3::reconnect {

// The request's arguments, with the kernel's ids. They were decoded before, so they can be.
template <class Args>
Args args_of(const fuse_req& req) {
  auto args = wire::decode<Args>(*req.message, req.session->negotiated);
  return args ? *args : Args{};
}

// The name in its own directory that the request is about.
template <class Args>
const char* name_in(const fuse_req& req) {
  const char* name = args_of<Args>(req).name;
  return name != nullptr ? name : "";
}

// Which file an answer is about. Where inode numbers mean nothing, it is the type and the name that
// have to do.
inline Identity identity_in(const fuse_session& session, const fuse_entry_param& entry) {
  Identity identity{entry.attr.st_ino, fold_device(entry.attr.st_dev), entry.attr.st_mode & S_IFMT};
  if (session.inode_numbers == InodeNumbers::node_ids) identity.ino = 0;
  return identity;
}

// Where each name is a node, a number that comes back is another node's only if the library has
// forgotten the first, so generations say nothing; and a successor counts them anew.
inline uint64_t generation_in(const fuse_session& session, uint64_t generation) {
  return session.names_are_nodes ? 0 : generation;
}

// What was read or written there is gone, and cannot be asked for again.
inline bool one_way(const HandleTable& handles, HandleId id) {
  constexpr uint32_t kOneWay = wire::open_reply::stream | wire::open_reply::nonseekable;
  const auto handle = handles.find(id);
  return handle && (handles.fopen_flags(handle->index) & kOneWay) != 0;
}

inline bool found_one(const Answer& answer) {
  return answer.error == 0 && answer.has_entry && answer.entry.ino != 0;
}

}  // namespace fuse3::reconnect
