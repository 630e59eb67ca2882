// Replay of what makes or removes an extended attribute.
#include <cerrno>
#include <cstring>

#include "reconnect/seam/arguments.h"
#include "reconnect/seam/notes.h"
#include "reconnect/seam/reconnect_seam.h"

namespace fuse3::reconnect {

using wire::Opcode;

// ENODATA is what the first run found as well, or what it left.
bool ReconnectSeam::check_xattr_removed(fuse_req& req) {
  if (before_first_run(slot_of(req)) == Before::absent) return false;
  answer(req, 0);
  return true;
}

// EEXIST for XATTR_CREATE: success when there was none, and the value is the one that was to be
// set.
bool ReconnectSeam::check_xattr(fuse_req& req) {
  const auto operation = session_.ops.getxattr;
  if (operation == nullptr || before_first_run(slot_of(req)) == Before::present) return false;
  const auto args = args_of<wire::Setxattr>(req);
  const size_t room = args.value.size() + 1;  // one more, so that a longer value shows
  ask(
      session_, *req.lane, Opcode::getxattr,
      [operation, ino = req.ino, name = args.name, room](fuse_req& question) {
        operation(&question, ino, name, room);
      },
      [this, &req](const Answer& found) {
        const auto wanted = args_of<wire::Setxattr>(req).value;
        const bool same = found.error == 0 && found.bytes.size() == wanted.size() &&
                          std::memcmp(found.bytes.data(), wanted.data(), wanted.size()) == 0;
        answer(req, same ? 0 : EEXIST);
      });
  return true;
}

}  // namespace fuse3::reconnect
