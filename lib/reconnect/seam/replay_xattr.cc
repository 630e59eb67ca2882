// Replay of what makes or removes an extended attribute. Nothing that is left says whether there
// was one before, so the library asks before the first run and notes the answer in the slot.
#include <sys/xattr.h>

#include <cerrno>
#include <cstring>

#include "reconnect/seam/arguments.h"
#include "reconnect/seam/reconnect_seam.h"

namespace fuse3::reconnect {
namespace {

using wire::Opcode;

// What a slot's note says.
constexpr uint32_t kNote = 0;
enum class Before : uint64_t { unasked, asking, absent, present, unknown };

Before before_first_run(const Slot& slot) {
  return static_cast<Before>(slot.note(kNote));
}

// The attribute whose being there before decides what a second run's answer means; null: none.
const char* attribute_in_question(const fuse_req& req) {
  if (req.row->opcode == Opcode::removexattr) return name_in<wire::Removexattr>(req);
  if (req.row->opcode != Opcode::setxattr) return nullptr;
  return (args_of<wire::Setxattr>(req).flags & XATTR_CREATE) != 0 ? name_in<wire::Setxattr>(req)
                                                                  : nullptr;
}

}  // namespace

// True: the question is out, and the request goes on from its bytes when it is answered.
bool ReconnectSeam::ask_for_attribute(fuse_req& req) {
  const auto operation = session_.ops.getxattr;
  const char* name = attribute_in_question(req);
  if (name == nullptr || operation == nullptr) return false;
  Slot slot = slot_of(req);
  // A former server that died of the question had not run the request.
  const Before expected = req.rerun ? Before::asking : Before::unasked;
  if (before_first_run(slot) != expected) return false;
  const auto node = state_->nodes().find(req.message->node());
  if (!node) return false;
  slot.set_note(kNote, static_cast<uint64_t>(Before::asking));
  slot.start_running();
  ask(
      session_, *req.lane, Opcode::getxattr,
      [operation, ino = state_->nodes().fs_ino(node->index), name](fuse_req& question) {
        operation(&question, ino, name, 0);
      },
      [this, &req](const Answer& found) {
        const Before before = found.error == 0         ? Before::present
                              : found.error == ENODATA ? Before::absent
                                                       : Before::unknown;
        slot_of(req).set_note(kNote, static_cast<uint64_t>(before));
        req.rerun = false;
        run_again(req);
      });
  return true;
}

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
