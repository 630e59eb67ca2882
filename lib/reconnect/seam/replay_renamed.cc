// Replay of RENAME: which node is under which name now tells whether it was done.
#include <fcntl.h>
#include <cstdio>

#include "reconnect/seam/arguments.h"
#include "reconnect/seam/reconnect_seam.h"
#include "support/log.h"

namespace fuse3::reconnect {

// ENOENT: success when the target is what the source was.
bool ReconnectSeam::check_renamed(fuse_req& req, int error) {
  const auto args = args_of<wire::Rename>(req);
  const auto source = state_->nodes().find_edge(req.message->node(), args.name);
  const auto new_parent = state_->nodes().find(args.new_parent);
  if (!source || !new_parent) return false;
  const auto node = state_->nodes().find(*source);
  if (!node) return false;
  const Identity wanted = state_->nodes().identity(node->index);
  ask_lookup(session_, *req.lane, state_->nodes().fs_ino(new_parent->index), args.new_name, false,
             [this, &req, wanted, error](const Answer& found) {
               const bool there = found_one(found);
               if (there) tell_forget(session_, *req.lane, found.entry.ino, 1);
               answer(req, there && wanted.matches(identity_in(session_, found.entry)) ? 0 : error);
             });
  return true;
}

// An exchange done twice is undone, and a second RENAME_WHITEOUT would move the whiteout over what
// the first one moved: what is under the first name now tells.
bool ReconnectSeam::check_exchanged(fuse_req& req) {
  const auto args = args_of<wire::Rename>(req);
  const bool whiteout = (args.flags & RENAME_WHITEOUT) != 0;
  if ((args.flags & RENAME_EXCHANGE) == 0 && !whiteout) return false;
  NodeTable& nodes = state_->nodes();
  const auto identity_at = [&](NodeId parent, const char* name) -> std::optional<Identity> {
    const auto id = nodes.find_edge(parent, name);
    if (!id) return std::nullopt;
    const auto node = nodes.find(*id);
    return node ? std::optional(nodes.identity(node->index)) : std::nullopt;
  };
  const auto first = identity_at(req.message->node(), args.name);
  const auto second = identity_at(args.new_parent, args.new_name);
  const auto parent = nodes.find(req.message->node());
  // Where inode numbers mean nothing, two files look the same.
  const bool alike = first && second && !whiteout && first->matches(*second);
  if (!first || (!second && !whiteout) || !parent || alike) {
    log_error(
        "fuse: whether an exchange of names was done before the server died cannot be told: EIO");
    answer(req, EIO);
    return true;
  }
  ask_lookup(session_, *req.lane, nodes.fs_ino(parent->index), args.name, false,
             [this, &req, first, second, whiteout](const Answer& found) {
               const bool there = found_one(found);
               if (there) tell_forget(session_, *req.lane, found.entry.ino, 1);
               const bool done =
                   there && (whiteout ? S_ISCHR(found.entry.attr.st_mode) &&
                                            !first->matches(identity_in(session_, found.entry))
                                      : second->matches(identity_in(session_, found.entry)));
               if (done) return answer(req, 0);
               if (!there || !first->matches(identity_in(session_, found.entry))) {
                 log_error(
                     "fuse: whether an exchange of names was done before the server died "
                     "cannot be told: EIO");
                 return answer(req, EIO);
               }
               req.cleared = true;
               run_again(req);
             });
  return true;
}

}  // namespace fuse3::reconnect
