// Replay of RENAME: which node is under which name now tells whether it was done.
#include <fcntl.h>
#include <cstdio>

#include "reconnect/seam/arguments.h"
#include "reconnect/seam/guard.h"
#include "reconnect/seam/reconnect_seam.h"
#include "support/log.h"
#include "wire/reply.h"

namespace fuse3::reconnect {
namespace {

std::optional<Identity> identity_at(const NodeTable& nodes, NodeId parent, const char* name) {
  const auto id = nodes.find_edge(parent, name);
  if (!id) return std::nullopt;
  const auto node = nodes.find(*id);
  return node ? std::optional(nodes.identity(node->index)) : std::nullopt;
}

}  // namespace

// ENOENT: success when the target is what the source was. EEXIST: likewise, and the source is gone.
bool ReconnectSeam::check_renamed(fuse_req& req, int error) {
  const auto args = args_of<wire::Rename>(req);
  const auto wanted = identity_at(state_->nodes(), req.message->node(), args.name);
  const auto parents = fs_parents(req);
  if (!holds(Guard::renamed_is_there) || !wanted || !parents) return false;
  const auto look_at_target = [this, &req, wanted, error, parent = parents->second] {
    const auto name = args_of<wire::Rename>(req).new_name;
    ask_lookup(session_, *req.lane, parent, name, false, [=, this, &req](const Answer& found) {
      const bool there = found_one(found);
      if (there) tell_forget(session_, *req.lane, found.entry.ino, 1);
      answer(req, there && is_moved(req, *wanted, identity_in(session_, found.entry)) ? 0 : error);
    });
  };
  if (error == ENOENT || !holds(Guard::noreplace_source)) {
    look_at_target();
    return true;
  }
  ask_look(req, parents->first, args.name, [this, &req, error, look_at_target](uint64_t look) {
    if (look != 0) return answer(req, error);
    look_at_target();
  });
  return true;
}

// What is under the new name is what had the old one. The source is gone, so a directory that no
// number tells from another incarnation's is it.
bool ReconnectSeam::is_moved(const fuse_req& req, const Identity& wanted, const Identity& found) {
  if (wanted.matches(found)) return true;
  const auto source = state_->nodes().find_edge(req.message->node(), name_in<wire::Rename>(req));
  const auto node = source ? state_->nodes().find(*source) : Result<NodeRef>(Error{ENOENT});
  return node && state_->nodes().may_be_renumbered(node->index, found);
}

// Whether a RENAME from or to that name is in hand, a predecessor's or one of now: what is under
// the name may be what was there before it or after it.
bool ReconnectSeam::rename_unsettled(NodeId parent, std::string_view name) const {
  bool unsettled = false;
  state_->slots().for_each_used([&](const Slot& slot) {
    if (slot.stage() == Stage::replied) return;  // the table knows
    const auto message = wire::Message::parse(slot.request());
    if (!message) return;
    const wire::Opcode opcode = message->opcode();
    if (opcode != wire::Opcode::rename && opcode != wire::Opcode::rename2) return;
    const auto args = wire::decode<wire::Rename>(*message, session_.negotiated);
    if (!args) return;
    if ((message->node() == parent && args->name == name) ||
        (args->new_parent == parent && args->new_name == name)) {
      unsettled = true;
    }
  });
  return unsettled;
}

// An exchange done twice is undone, and a second RENAME_WHITEOUT would move the whiteout over what
// the first one moved: what is under the first name now tells.
bool ReconnectSeam::check_exchanged(fuse_req& req) {
  const auto args = args_of<wire::Rename>(req);
  const bool whiteout = (args.flags & RENAME_WHITEOUT) != 0;
  if ((args.flags & RENAME_EXCHANGE) == 0 && !whiteout) return false;
  if (!holds(Guard::exchange_before)) return false;
  if (!whiteout && exchanges_alike(req)) return check_exchanged_alike(req);
  const auto first = identity_at(state_->nodes(), req.message->node(), args.name);
  const auto second = identity_at(state_->nodes(), args.new_parent, args.new_name);
  // One file under two names: nothing tells before from after, and nothing has to.
  if (!whiteout && first && second && first->matches(*second)) return false;
  const auto parents = fs_parents(req);
  if (!first || (!second && !whiteout) || !parents) return cannot_tell(req);
  ask_lookup(session_, *req.lane, parents->first, args.name, false,
             [this, &req, first, second, whiteout](const Answer& found) {
               const bool there = found_one(found);
               if (there) tell_forget(session_, *req.lane, found.entry.ino, 1);
               const bool done =
                   there && (whiteout ? S_ISCHR(found.entry.attr.st_mode) &&
                                            !first->matches(identity_in(session_, found.entry))
                                      : second->matches(identity_in(session_, found.entry)));
               if (done) return answer(req, 0);
               if (!there || !first->matches(identity_in(session_, found.entry))) {
                 return void(cannot_tell(req));
               }
               req.cleared = true;
               run_again(req);
             });
  return true;
}

// By what they looked like before the first run.
bool ReconnectSeam::check_exchanged_alike(fuse_req& req) {
  const auto parents = fs_parents(req);
  if (!parents || before_first_run(slot_of(req)) != Before::present) return cannot_tell(req);
  const auto name = args_of<wire::Rename>(req).name;
  ask_look(req, parents->first, name, [this, &req](uint64_t look) {
    const Slot slot = slot_of(req);
    if (look == slot.note(kLookNotes + 1)) return answer(req, 0);
    if (look != slot.note(kLookNotes)) return void(cannot_tell(req));
    req.cleared = true;
    run_again(req);
  });
  return true;
}

bool ReconnectSeam::cannot_tell(fuse_req& req) {
  log_error(
      "fuse: whether an exchange of names was done before the server died cannot be told: EIO");
  answer(req, EIO);
  return true;
}

// Where inode numbers mean nothing, two files of one type are the same to the tables.
bool ReconnectSeam::exchanges_alike(const fuse_req& req) {
  const auto args = args_of<wire::Rename>(req);
  const auto first = identity_at(state_->nodes(), req.message->node(), args.name);
  const auto second = identity_at(state_->nodes(), args.new_parent, args.new_name);
  return holds(Guard::exchange_looks) && first && second && first->ino == 0 &&
         first->matches(*second);
}

// What the filesystem calls the two directories.
std::optional<std::pair<uint64_t, uint64_t>> ReconnectSeam::fs_parents(const fuse_req& req) {
  const NodeTable& nodes = state_->nodes();
  const auto parent = nodes.find(req.message->node());
  const auto new_parent = nodes.find(args_of<wire::Rename>(req).new_parent);
  if (!parent || !new_parent) return std::nullopt;
  return std::pair(nodes.fs_ino(parent->index), nodes.fs_ino(new_parent->index));
}

void ReconnectSeam::ask_look(fuse_req& req, uint64_t parent, const char* name, Looked then) {
  ask_lookup(session_, *req.lane, parent, name, false, [this, &req, then](const Answer& found) {
    if (!found_one(found)) return then(0);
    tell_forget(session_, *req.lane, found.entry.ino, 1);
    then(look_of(wire::make_attr(found.entry.attr)));
  });
}

}  // namespace fuse3::reconnect
