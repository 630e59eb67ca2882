// reattach_unlinked=hide, for filesystems of the low-level API: a file that loses its name while it
// is open gets another one in the same directory, under which a successor finds it, and by which it
// is removed when it is closed for the last time.
//
// The state knows of the hidden name before the file has it. The slot's note says how far the
// request is, and everything before that may be done a second time:
//   UNLINK   the file is renamed to the hidden name, and that is all
//   RENAME   what has the new name is hidden first; if the rename fails, it gets its name back
//   RELEASE  of the last handle: the hidden file is removed, then the request runs
// A handle that is closed while its file is being hidden leaves the removal to whoever hides it.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "reconnect/seam/arguments.h"
#include "reconnect/seam/guard.h"
#include "reconnect/seam/hidden_name.h"
#include "reconnect/seam/notes.h"
#include "reconnect/seam/reconnect_seam.h"
#include "reconnect/seam/victim.h"

namespace fuse3::reconnect {
namespace {

using wire::Opcode;

enum class Hide : uint64_t {
  undecided,
  hiding,   // the file may have either name
  hidden,   // it has the hidden one; RENAME itself comes now
  settled,  // nothing is hidden on this request's account any more
};

Hide progress_of(const Slot& slot) {
  return static_cast<Hide>(slot.note(kHideNote));
}

void set_progress(Slot slot, Hide progress) {
  slot.set_note(kHideNote, static_cast<uint64_t>(progress));
}

bool replaces_nothing(const fuse_req& req) {
  if (req.row->replay != Replay::renamed) return false;
  return (args_of<wire::Rename>(req).flags & (RENAME_EXCHANGE | RENAME_NOREPLACE)) != 0;
}

}  // namespace

bool hides_removed(const fuse_session& session) {
  return session.options.reattach_unlinked == UnlinkedPolicy::hide && !session.names_are_nodes;
}

// The filesystem has counted a lookup for an entry of READDIRPLUS.
bool ReconnectSeam::conceals(const fuse_req& req, std::string_view name,
                             const fuse_entry_param* entry) {
  if (!hides_removed(session_) || !has_hidden_form(name)) return false;
  NodeTable& nodes = state_->nodes();
  const auto id = nodes.find_edge(req.message->node(), name);
  const auto node = id ? nodes.find(*id) : Result<NodeRef>(Error{ENOENT});
  if (!node || !nodes.hidden(node->index)) return false;
  if (entry == nullptr || entry->ino == 0) return true;
  const Bind bind = nodes.bind(node->index, entry->ino);
  if (bind == Bind::another || bind == Bind::gone) tell_forget(session_, *req.lane, entry->ino, 1);
  return true;
}

// Nobody but the library finds it. The answer is no news to the tables.
bool ReconnectSeam::conceals_lookup(fuse_req& req) {
  if (!hides_removed(session_) || req.row->opcode != Opcode::lookup) return false;
  if (!conceals(req, name_in<wire::Lookup>(req), nullptr)) return false;
  (void)reply_unstored(req, slot_of(req), {.error = -ENOENT});
  return true;
}

// Whether somebody has it open, but for those who are closing it.
bool ReconnectSeam::is_open(NodeId node) {
  HandleTable& handles = state_->handles();
  bool open = false;
  handles.for_each([&](uint32_t index) {
    if (open || handles.node(index) != node) return;
    std::lock_guard guard(hide_lock_);
    open = !closing_.contains(handles.id(index).value);
  });
  return open;
}

// False: it has a hidden name, or is about to get one by another request.
bool ReconnectSeam::begin_hiding(const fuse_req& req, NodeId node) {
  std::lock_guard guard(hide_lock_);
  const auto found = state_->nodes().find(node);
  if (!found || state_->nodes().hidden(found->index) || is_being_hidden(node)) return false;
  hiding_[slot_of(req).index()] = {node, {}};
  return true;
}

// What a former incarnation began.
void ReconnectSeam::go_on_hiding(const fuse_req& req, NodeId node) {
  const auto hidden = hidden_edge(node);
  std::lock_guard guard(hide_lock_);
  hiding_[slot_of(req).index()] = {node, hidden ? hidden->name : std::string()};
}

ReconnectSeam::Hiding ReconnectSeam::end_hiding(const fuse_req& req) {
  if (!hides_removed(session_) || !victim_of(req)) return {};
  std::lock_guard guard(hide_lock_);
  const auto ended = hiding_.extract(slot_of(req).index());
  return ended ? std::move(ended.mapped()) : Hiding{};
}

// Under hide_lock_.
bool ReconnectSeam::is_being_hidden(NodeId node) const {
  return std::any_of(hiding_.begin(), hiding_.end(),
                     [node](const auto& entry) { return entry.second.node == node; });
}

// True: the request waits, and goes on from its bytes when the file is hidden.
bool ReconnectSeam::hide_before(fuse_req& req) {
  if (!hides_removed(session_) || session_.ops.rename == nullptr || session_.ops.unlink == nullptr) {
    return false;
  }
  const auto victim = victim_of(req);
  if (!victim || replaces_nothing(req)) return false;
  const Slot slot = slot_of(req);
  const Hide progress = progress_of(slot);
  // One that was run without hiding anything is not to hide what has the name now.
  if (progress == Hide::undecided && req.rerun) return false;
  const auto id = state_->nodes().find_edge(victim->parent, victim->name);
  if (progress > Hide::hiding && (holds(Guard::hide_once) || !req.rerun)) {
    if (progress == Hide::hidden && id) go_on_hiding(req, *id);
    return false;
  }
  const auto node = id ? state_->nodes().find(*id) : Result<NodeRef>(Error{ENOENT});
  if (!node || state_->nodes().identity(node->index).type != S_IFREG) return false;
  if (progress == Hide::undecided) {
    if (!is_open(*id) || !begin_hiding(req, *id)) return false;
    begin_question(req);
    set_progress(slot, Hide::hiding);
  } else {
    go_on_hiding(req, *id);
  }
  revive_parent(req, victim->parent, [this, &req, id = *id](uint64_t parent) {
    if (const auto hidden = hidden_edge(id)) return give_hidden_name(req, parent, hidden->name);
    find_hidden_name(req, parent, id, 0);
  });
  return true;
}

void ReconnectSeam::revive_parent(fuse_req& req, NodeId parent, Found then) {
  const auto node = state_->nodes().find(parent);
  if (!node) return answer(req, node.error());
  const uint32_t index = node->index;
  if (state_->nodes().bound(index)) return then(state_->nodes().fs_ino(index));
  revive_node(req, index, [this, &req, index, then](int error) {
    if (error != 0) return answer(req, error);
    then(state_->nodes().fs_ino(index));
  });
}

// One that the filesystem does not have.
void ReconnectSeam::find_hidden_name(fuse_req& req, uint64_t parent, NodeId node,
                                     unsigned attempt) {
  const std::string hidden = hidden_name(node, attempt);
  ask_lookup(session_, *req.lane, parent, hidden, true,
             [this, &req, parent, node, attempt, hidden](const Answer& found) {
               if (found_one(found)) {
                 tell_forget(session_, *req.lane, found.entry.ino, 1);
                 if (attempt < kMostHiddenNames) {
                   return find_hidden_name(req, parent, node, attempt + 1);
                 }
                 return go_on_hidden(req, EBUSY);
               }
               if (!holds(Guard::hide_told_before)) return give_hidden_name(req, parent, hidden);
               const auto victim = victim_of(req);
               const auto added = state_->nodes().add_hidden_edge(slot_of(req), victim->parent,
                                                                  victim->name, hidden);
               if (!added) return go_on_hidden(req, added.error());
               give_hidden_name(req, parent, hidden);
             });
}

void ReconnectSeam::give_hidden_name(fuse_req& req, uint64_t parent, const std::string& hidden) {
  const std::string name = victim_of(req)->name;
  {
    std::lock_guard guard(hide_lock_);
    hiding_[slot_of(req).index()].name = hidden;
  }
  ask_rename(req, parent, name, hidden, [this, &req, hidden](int error) {
    // ENOENT: a dead server has done it.
    if (error == 0 || (error == ENOENT && req.rerun)) return go_on_hidden(req, 0);
    not_hidden(req, hidden);
    go_on_hidden(req, error);
  });
}

// What cannot be hidden is removed as if nobody had it open.
void ReconnectSeam::go_on_hidden(fuse_req& req, int error) {
  if (error == 0 && req.row->opcode == Opcode::unlink) return end_hidden(req);
  set_progress(slot_of(req), error == 0 ? Hide::hidden : Hide::settled);
  end_question(req, Before::unasked);
}

bool ReconnectSeam::hid_for_rename(const fuse_req& req) const {
  return hides_removed(session_) && req.row->replay == Replay::renamed &&
         progress_of(slot_of(req)) == Hide::hidden;
}

// The request has done its work. What nobody has open any more is removed here: its last handle was
// closed meanwhile. Not by what the tables say, for the RELEASE may have found the hidden name there
// before the file had it.
void ReconnectSeam::end_hidden(fuse_req& req) {
  const NodeId parent_id = victim_of(req)->parent;
  const auto parent = state_->nodes().find(parent_id);
  const Hiding hidden = end_hiding(req);
  const auto done = [this, &req] {
    set_progress(slot_of(req), Hide::settled);
    answer(req, 0);
  };
  if (hidden.name.empty() || !parent || is_open(hidden.node)) return done();
  remove_hidden(req, state_->nodes().fs_ino(parent->index), {parent->index, hidden.name}, done);
}

void ReconnectSeam::end_rename(fuse_req& req, int error) {
  if (error == 0) return end_hidden(req);
  unhide(req, -error);
}

// The rename that the file made room for has failed.
void ReconnectSeam::unhide(fuse_req& req, int error) {
  const auto victim = victim_of(req);
  const auto parent = state_->nodes().find(victim->parent);
  const auto id = state_->nodes().find_edge(victim->parent, victim->name);
  const auto hidden = id ? hidden_edge(*id) : std::nullopt;
  if (!parent || !hidden) {
    set_progress(slot_of(req), Hide::settled);
    return answer(req, error);
  }
  ask_rename(req, state_->nodes().fs_ino(parent->index), hidden->name, victim->name,
             [this, &req, error, name = hidden->name](int failure) {
               // ENOENT: a dead server has done it.
               if (failure == 0 || failure == ENOENT) not_hidden(req, name);
               set_progress(slot_of(req), Hide::settled);
               answer(req, error);
             });
}

// RELEASE of the last handle of a hidden file. True: it waits until that is removed.
bool ReconnectSeam::remove_hidden_before(fuse_req& req) {
  if (!hides_removed(session_) || req.row->opcode != Opcode::release) return false;
  const NodeId id = req.message->node();
  std::optional<HiddenEdge> hidden;
  {
    std::lock_guard guard(hide_lock_);
    closing_.insert(args_of<wire::Release>(req).handle.value);
    if (!is_being_hidden(id)) hidden = hidden_edge(id);
  }
  if (!hidden || is_open(id) || !holds(Guard::hidden_removed)) return false;
  revive_parent(req, state_->nodes().id(hidden->parent), [this, &req, hidden](uint64_t parent) {
    remove_hidden(req, parent, *hidden, [this, &req] { run_again(req); });
  });
  return true;
}

void ReconnectSeam::remove_hidden(fuse_req& req, uint64_t parent, const HiddenEdge& hidden,
                                  std::function<void()> then) {
  ask(
      session_, *req.lane, Opcode::unlink,
      [this, parent, name = hidden.name](fuse_req& question) {
        session_.ops.unlink(&question, parent, name.c_str());
      },
      [this, &req, hidden, then](const Answer&) {
        // Gone, or not to be got rid of.
        (void)state_->nodes().remove_edge(slot_of(req), state_->nodes().id(hidden.parent),
                                          hidden.name, SlotPublish::none());
        then();
      });
}

void ReconnectSeam::closed(const fuse_req& req) {
  if (!hides_removed(session_) || req.row->opcode != Opcode::release) return;
  std::lock_guard guard(hide_lock_);
  closing_.erase(args_of<wire::Release>(req).handle.value);
}

std::optional<ReconnectSeam::HiddenEdge> ReconnectSeam::hidden_edge(NodeId id) const {
  const NodeTable& nodes = state_->nodes();
  const auto node = nodes.find(id);
  if (!node) return std::nullopt;
  char name[kMaxName];
  NodeTable::Edge edge;
  uint32_t cursor = 0;
  while (nodes.next_edge(node->index, &cursor, name, &edge)) {
    if (edge.hidden) return HiddenEdge{edge.parent, std::string(edge.name)};
  }
  return std::nullopt;
}

void ReconnectSeam::ask_rename(fuse_req& req, uint64_t parent, const std::string& from,
                               const std::string& to, std::function<void(int error)> then) {
  if (session_.ops.rename == nullptr) return then(ENOSYS);
  ask(
      session_, *req.lane, Opcode::rename,
      [this, parent, from, to](fuse_req& question) {
        session_.ops.rename(&question, parent, from.c_str(), parent, to.c_str(), 0);
      },
      [then](const Answer& answer) { then(answer.error); });
}

}  // namespace fuse3::reconnect
