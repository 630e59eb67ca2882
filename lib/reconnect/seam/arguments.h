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

inline Identity identity_in(const fuse_entry_param& entry) {
  return {entry.attr.st_ino, fold_device(entry.attr.st_dev), entry.attr.st_mode & S_IFMT};
}

inline bool found_one(const Answer& answer) {
  return answer.error == 0 && answer.has_entry && answer.entry.ino != 0;
}

}  // namespace fuse3::reconnect
