// Replay of what makes a name: that it exists is success when what is there is what was asked for.
#include "reconnect/seam/arguments.h"
#include "reconnect/seam/guard.h"
#include "reconnect/seam/notes.h"
#include "reconnect/seam/reconnect_seam.h"
#include "wire/reply.h"

namespace fuse3::reconnect {

using wire::Opcode;

// Whether what is there under the name is what the request would have made.
bool ReconnectSeam::is_what_was_asked_for(const fuse_req& req, const fuse_entry_param& entry) {
  const mode_t type = entry.attr.st_mode & S_IFMT;
  switch (req.row->opcode) {
    case Opcode::mkdir:
      return type == S_IFDIR;
    case Opcode::symlink:
      return type == S_IFLNK;  // its target is compared next
    case Opcode::create:
      return type == S_IFREG;
    case Opcode::mknod: {
      const auto args = args_of<wire::Mknod>(req);
      const mode_t asked = (args.mode & S_IFMT) != 0 ? args.mode & S_IFMT : S_IFREG;
      const bool device = type == S_IFCHR || type == S_IFBLK;
      return type == asked && (!device || entry.attr.st_rdev == args.rdev);
    }
    case Opcode::link: {
      const auto old = state_->nodes().find(args_of<wire::Link>(req).old_node);
      return old && state_->nodes().identity(old->index).matches(identity_in(session_, entry));
    }
    default:
      return false;
  }
}

bool ReconnectSeam::check_made(fuse_req& req, std::string name, int error) {
  // The kernel asks for a name to be made only when it knows of none. One in the table was there
  // before the request.
  if (holds(Guard::made_was_not_known) && state_->nodes().find_edge(req.message->node(), name)) {
    return false;
  }
  ask_lookup(session_, *req.lane, req.ino, name, false, [this, &req, error](const Answer& found) {
    if (!found_one(found)) return answer(req, error);
    if (holds(Guard::made_is_as_asked) && !is_what_was_asked_for(req, found.entry))
      return refuse_made(req, found.entry, error);
    if (holds(Guard::symlink_target) && req.row->opcode == Opcode::symlink)
      return compare_target(req, found.entry, error);
    if (req.row->opcode == Opcode::create) return open_made(req, found.entry);
    if (req.row->opcode == Opcode::link) return compare_linked(req, found.entry, error);
    accept_made(req, found.entry);
  });
  return true;
}

void ReconnectSeam::accept_made(fuse_req& req, const fuse_entry_param& entry) {
  req.rerun = false;
  reply(req, {.entry = &entry});
}

void ReconnectSeam::refuse_made(fuse_req& req, const fuse_entry_param& entry, int error) {
  tell_forget(session_, *req.lane, entry.ino, 1);
  answer(req, error);
}

void ReconnectSeam::compare_target(fuse_req& req, const fuse_entry_param& entry, int error) {
  const auto operation = session_.ops.readlink;
  if (operation == nullptr) return refuse_made(req, entry, error);
  ask(
      session_, *req.lane, Opcode::readlink,
      [operation, ino = entry.ino](fuse_req& question) { operation(&question, ino); },
      [this, &req, entry, error](const Answer& found) {
        const std::string_view target = args_of<wire::Symlink>(req).target;
        const std::string_view there(reinterpret_cast<const char*>(found.bytes.data()),
                                     found.bytes.size());
        if (found.error != 0 || there != target) return refuse_made(req, entry, error);
        accept_made(req, entry);
      });
}

// Where inode numbers mean nothing, a link looks like what it is a link to.
void ReconnectSeam::compare_linked(fuse_req& req, const fuse_entry_param& entry, int error) {
  if (identity_in(session_, entry).ino != 0) return accept_made(req, entry);
  const uint64_t look = look_of(wire::make_attr(entry.attr));
  ask_attributes(req, args_of<wire::Link>(req).old_node, HandleId{},
                 [this, &req, entry, error, look](int failure, const wire::Attr& attr) {
                   const bool same =
                       holds(Guard::linked_looks) ? failure == 0 && look_of(attr) == look : true;
                   if (!same) return refuse_made(req, entry, error);
                   accept_made(req, entry);
                 });
}

LentMode ReconnectSeam::lent_mode_of_made(const fuse_req& req) {
  Slot slot = slot_of(req);
  return {
      [slot] { return static_cast<uint32_t>(slot.note(kLentNote)); },
      [slot](uint32_t mode) mutable { slot.set_note(kLentNote, mode); },
  };
}

// A successor died while it opened the file, and has left it with another mode.
bool ReconnectSeam::put_back_made(fuse_req& req) {
  const LentMode lent = lent_mode_of_made(req);
  if (req.row->opcode != Opcode::create || lent.get() == 0) return false;
  const auto parent = state_->nodes().find(req.message->node());
  if (!parent) return false;
  const auto args = args_of<wire::Create>(req);
  ask_lookup(session_, *req.lane, state_->nodes().fs_ino(parent->index), args.name, false,
             [this, &req, lent, flags = args.flags](const Answer& found) {
               req.cleared = true;
               if (!found_one(found)) {
                 lent.set(0);
                 return run_again(req);
               }
               const uint64_t ino = found.entry.ino;
               ask_put_back(session_, *req.lane, ino, flags, lent,
                            [this, &req, ino](const Answer&) {
                              tell_forget(session_, *req.lane, ino, 1);
                              run_again(req);
                            });
             });
  return true;
}

void ReconnectSeam::open_made(fuse_req& req, const fuse_entry_param& entry) {
  ask_reopen(session_, *req.lane, entry.ino, args_of<wire::Create>(req).flags,
             lent_mode_of_made(req), [this, &req, entry](const Answer& opened) {
               if (opened.error != 0) {
                 tell_forget(session_, *req.lane, entry.ino, 1);
                 return answer(req, opened.error);
               }
               req.rerun = false;
               reply(req, {.entry = &entry, .open = &opened.open});
             });
}

}  // namespace fuse3::reconnect
