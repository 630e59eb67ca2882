// What is left after a request cannot always tell what was there before it. Then the library asks
// the filesystem before the first run, and notes the answer in the slot.
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/xattr.h>

#include <cerrno>
#include <cstring>

#include "reconnect/seam/arguments.h"
#include "reconnect/seam/guard.h"
#include "reconnect/seam/notes.h"
#include "reconnect/seam/reconnect_seam.h"

namespace fuse3::reconnect {
namespace {

using wire::Opcode;

constexpr uint32_t kShifts = FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE;

void set_before(Slot slot, Before before) {
  slot.set_note(kBeforeNote, static_cast<uint64_t>(before));
}

// The attribute whose being there before decides what a second run's answer means; null: none.
const char* attribute_in_question(const fuse_req& req) {
  if (req.row->opcode == Opcode::removexattr) return name_in<wire::Removexattr>(req);
  if (req.row->opcode != Opcode::setxattr) return nullptr;
  return (args_of<wire::Setxattr>(req).flags & XATTR_CREATE) != 0 ? name_in<wire::Setxattr>(req)
                                                                  : nullptr;
}

}  // namespace

Before before_first_run(const Slot& slot) {
  return static_cast<Before>(slot.note(kBeforeNote));
}

bool appends(const fuse_req& req, const HandleTable& handles) {
  if (req.row->opcode != Opcode::write) return false;
  const auto args = args_of<wire::Write>(req);
  if ((args.write_flags & wire::write_flag::cache) != 0) return false;
  // None where the kernel opens without asking.
  const auto handle = handles.find(args.handle);
  const uint32_t open_flags = handle ? handles.open_flags(handle->index) : 0;
  return ((args.flags | open_flags) & O_APPEND) != 0;
}

bool shifts_contents(const fuse_req& req) {
  return req.row->opcode == Opcode::fallocate &&
         (args_of<wire::Fallocate>(req).mode & kShifts) != 0;
}

uint64_t look_of(const wire::Attr& attr) {
  const uint64_t parts[] = {attr.mode, attr.uid,   attr.gid,      attr.size,
                            attr.rdev, attr.mtime, attr.mtimensec};
  uint64_t look = 0;
  for (const uint64_t part : parts) look = (look ^ part) * 0x9e3779b97f4a7c15u + (look >> 29);
  return look | 1;
}

// True: a question is out, and the request goes on from its bytes when it is answered.
bool ReconnectSeam::ask_before_first_run(fuse_req& req) {
  // A former server that died of the question had not run the request.
  const Before expected = req.rerun ? Before::asking : Before::unasked;
  if (before_first_run(slot_of(req)) != expected) return false;
  switch (req.row->replay) {
    case Replay::set_xattr:
    case Replay::removed_xattr:
      return note_attribute(req);
    case Replay::placed:
      return shifts_contents(req) && note_size(req, args_of<wire::Fallocate>(req).handle);
    case Replay::appended:
      return holds(Guard::append_before) && appends(req, state_->handles()) &&
             note_size(req, args_of<wire::Write>(req).handle);
    case Replay::renamed:
      return note_looks(req);
    default:
      return false;
  }
}

void ReconnectSeam::begin_question(const fuse_req& req) {
  Slot slot = slot_of(req);
  set_before(slot, Before::asking);
  slot.start_running();
}

void ReconnectSeam::end_question(fuse_req& req, Before before) {
  set_before(slot_of(req), before);
  req.rerun = false;
  run_again(req);
}

bool ReconnectSeam::note_attribute(fuse_req& req) {
  const auto operation = session_.ops.getxattr;
  const char* name = attribute_in_question(req);
  const auto node = state_->nodes().find(req.message->node());
  if (name == nullptr || operation == nullptr || !node) return false;
  if (!holds(Guard::xattr_before)) return false;
  begin_question(req);
  ask(
      session_, *req.lane, Opcode::getxattr,
      [operation, ino = state_->nodes().fs_ino(node->index), name](fuse_req& question) {
        operation(&question, ino, name, 0);
      },
      [this, &req](const Answer& found) {
        end_question(req, found.error == 0         ? Before::present
                          : found.error == ENODATA ? Before::absent
                                                   : Before::unknown);
      });
  return true;
}

bool ReconnectSeam::note_size(fuse_req& req, HandleId handle) {
  if (session_.ops.getattr == nullptr) return false;
  begin_question(req);
  ask_attributes(req, req.message->node(), handle, [this, &req](int error, const wire::Attr& attr) {
    if (error != 0) return end_question(req, Before::unknown);
    slot_of(req).set_note(kSizeNote, attr.size);
    end_question(req, Before::present);
  });
  return true;
}

// Of two names that are about to be exchanged, where their nodes' identities do not tell them
// apart.
bool ReconnectSeam::note_looks(fuse_req& req) {
  const auto args = args_of<wire::Rename>(req);
  if ((args.flags & RENAME_EXCHANGE) == 0 || !exchanges_alike(req)) return false;
  const auto parents = fs_parents(req);
  if (!parents) return false;
  begin_question(req);
  ask_look(req, parents->first, args.name, [this, &req, parents](uint64_t first) {
    slot_of(req).set_note(kLookNotes, first);
    const auto name = args_of<wire::Rename>(req).new_name;
    ask_look(req, parents->second, name, [this, &req, first](uint64_t second) {
      slot_of(req).set_note(kLookNotes + 1, second);
      const bool told_apart = first != 0 && second != 0 && first != second;
      end_question(req, told_apart ? Before::present : Before::unknown);
    });
  });
  return true;
}

// Of a file, as it is open, if it is.
void ReconnectSeam::ask_attributes(fuse_req& req, NodeId id, HandleId handle_id, Attributes then) {
  const auto node = state_->nodes().find(id);
  if (!node) return then(ENOSYS, {});
  const auto handle = state_->handles().find(handle_id);
  fuse_file_info info{};
  if (handle) info.fh = state_->handles().fs_fh(handle->index);
  ask_getattr(session_, *req.lane, state_->nodes().fs_ino(node->index), handle ? &info : nullptr,
              std::move(then));
}

}  // namespace fuse3::reconnect
