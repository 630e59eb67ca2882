// Nodes and handles of former incarnations: found again in the filesystem when they are first used.
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "reconnect/seam/arguments.h"
#include "reconnect/seam/guard.h"
#include "reconnect/seam/reconnect_seam.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

// More than there can be: the table is damaged.
constexpr size_t kDeepest = 1u << 20;
constexpr unsigned kMostSteps = 1u << 22;

bool means_absence(int error) {
  return error == ENOENT || error == ENOTDIR || error == ESTALE;
}

// Finds a node and, first, the directories above it that are stale as well. Kept on the heap and
// not as a recursion: paths can be deeper than a stack. Deletes itself when it is done.
class NodeRevival {
 public:
  // `quiet`: that it is not there is no news.
  NodeRevival(fuse_session& session, State& state, Lane& lane, const Slot& slot, uint32_t index,
              Revived done, bool quiet)
      : session_(session),
        state_(state),
        lane_(lane),
        slot_(slot),
        done_(std::move(done)),
        quiet_(quiet) {
    path_.push_back({index, 0, 0});
  }

  void run() {
    int error = std::exchange(error_, 0);  // of a late answer
    while (!path_.empty()) {
      if (error != 0 && !means_absence(error)) break;
      // What is above could not be found by this edge.
      if (error != 0) path_.back().cursor = path_.back().next;
      const Outcome outcome = step();
      if (outcome == Outcome::asked) return;
      error = outcome == Outcome::absent ? ESTALE : std::exchange(error_, 0);
      if (outcome == Outcome::done || outcome == Outcome::absent) path_.pop_back();
    }
    const Revived done = std::move(done_);
    delete this;
    done(error);
  }

 private:
  enum class Outcome : uint8_t { done, absent, again, asked };
  struct Part {
    uint32_t index;
    uint32_t cursor;  // the edge before the one that is tried
    uint32_t next;    // that one
  };

  Outcome step() {
    NodeTable& nodes = state_.nodes();
    Part& part = path_.back();
    if (nodes.bound(part.index)) return Outcome::done;
    NodeTable::Edge& edge = edge_;
    part.next = part.cursor;
    if (++steps_ > kMostSteps || !nodes.next_edge(part.index, &part.next, name_, &edge)) {
      note_absence(part);
      return Outcome::absent;
    }
    if (!nodes.bound(edge.parent)) {
      if (path_.size() >= kDeepest) return Outcome::absent;
      path_.push_back({edge.parent, 0, 0});
      return Outcome::again;
    }
    turn_.store(kAsking, std::memory_order_relaxed);
    ask_lookup(session_, lane_, nodes.fs_ino(edge.parent), std::string(edge.name), edge.hidden,
               [this](const Answer& answer) {
                 take(answer);
                 if (turn_.exchange(kAnswered, std::memory_order_acq_rel) == kWaiting) run();
               });
    const bool answered = turn_.exchange(kWaiting, std::memory_order_acq_rel) == kAnswered;
    return answered ? Outcome::again : Outcome::asked;
  }

  void take(const Answer& answer) {
    NodeTable& nodes = state_.nodes();
    Part& part = path_.back();
    const bool found = found_one(answer);
    if (answer.error != 0 && !means_absence(answer.error)) {
      error_ = answer.error;
      return;
    }
    if (!found) {
      part.cursor = part.next;
      return;
    }
    const Identity identity = identity_in(session_, answer.entry);
    const std::optional<Bind> bind =
        nodes.identity(part.index).matches(identity)
            ? nodes.bind(part.index, answer.entry.ino)
            : nodes.bind_renumbered(slot_, part.index, edge_, answer.entry.ino, identity);
    if (!bind) part.cursor = part.next;
    if (!bind || *bind == Bind::another || *bind == Bind::gone) {
      tell_forget(session_, lane_, answer.entry.ino, 1);
    }
    // No such node any more: whoever asked for it gets ESTALE from its own look at the table.
    if (bind == Bind::gone) steps_ = kMostSteps;
  }

  void note_absence(const Part& part) {
    if (quiet_) return;
    state_.count(State::Figure::stale);
    // Without a name it was removed while it was open: nothing the log would help with.
    if (part.cursor == 0) return;
    log(FUSE_LOG_WARNING, "fuse: %s is not there any more since the server died: ESTALE",
        state_.nodes().path(part.index).c_str());
  }

  static constexpr int kAsking = 0;
  static constexpr int kAnswered = 1;
  static constexpr int kWaiting = 2;

  fuse_session& session_;
  State& state_;
  Lane& lane_;
  const Slot slot_;
  Revived done_;
  const bool quiet_;
  std::vector<Part> path_;  // each is needed for the one before it
  // By which the last of them is looked for.
  NodeTable::Edge edge_;
  char name_[kMaxName];
  unsigned steps_ = 0;
  int error_ = 0;
  std::atomic<int> turn_{kAsking};
};

}  // namespace

// The request that needs it is parked until `done` is called, and its slot lends its journal.
void ReconnectSeam::revive_node(fuse_req& req, uint32_t index, Revived done, Absence absence) {
  const bool quiet = absence == Absence::expected;
  (new NodeRevival(session_, *state_, *req.lane, slot_of(req), index, std::move(done), quiet))
      ->run();
}

void ReconnectSeam::revive_handle(fuse_req& req, HandleId id, Revived done, Absence absence) {
  const auto handle = state_->handles().find(id);
  if (!handle) return done(handle.error());
  const uint32_t index = handle->index;
  if (state_->handles().bound(index)) return done(0);
  const auto node = state_->nodes().find(state_->handles().node(index));
  if (!node) return done(node.error());
  if (!state_->nodes().bound(node->index)) {
    const auto then = [this, &req, id, done, absence](int error) {
      if (error != 0) return done(error);
      revive_handle(req, id, done, absence);
    };
    return revive_node(req, node->index, then, absence);
  }
  Lane& lane = *req.lane;
  const auto open = [this, &lane, id, done] { reopen_handle(lane, id, done); };
  if (session_.names_are_nodes && state_->nodes().hidden(node->index)) {
    return tell_hidden(lane, node->index, open);
  }
  open();
}

// A listing may have made the node known by its hidden name, as if that were any.
void ReconnectSeam::tell_hidden(Lane& lane, uint32_t index, std::function<void()> then) {
  NodeTable& nodes = state_->nodes();
  const auto hidden = hidden_edge(nodes.id(index));
  if (!hidden || !nodes.bound(hidden->parent) || !holds(Guard::hidden_told)) return then();
  ask_lookup(session_, lane, nodes.fs_ino(hidden->parent), hidden->name, true,
             [this, &lane, index, then](const Answer& found) {
               if (found_one(found)) {
                 const Bind bind = state_->nodes().bind(index, found.entry.ino);
                 const bool ours = bind == Bind::bound || bind == Bind::again;
                 if (!ours) tell_forget(session_, lane, found.entry.ino, 1);
               }
               then();
             });
}

void ReconnectSeam::reopen_handle(Lane& lane, HandleId id, Revived done) {
  const auto handle = state_->handles().find(id);
  const auto node = handle ? state_->nodes().find(state_->handles().node(handle->index))
                           : Result<NodeRef>(Error{ESTALE});
  if (!node) return done(ESTALE);
  const uint32_t index = handle->index;
  const uint64_t ino = state_->nodes().fs_ino(node->index);
  const bool directory = state_->handles().kind(index) == HandleKind::directory;
  const uint32_t flags = state_->handles().open_flags(index);
  Then then = [this, &lane, id, ino, directory, done](const Answer& answer) {
    // ENOSYS: this filesystem has no open, so its handles mean nothing to it.
    if (answer.error != 0 && answer.error != ENOSYS) {
      state_->count(State::Figure::stale);
      log(FUSE_LOG_WARNING,
          "fuse: a file that was open when the server died cannot be "
          "opened again: %s",
          std::strerror(answer.error));
      return done(means_absence(answer.error) ? ESTALE : answer.error);
    }
    if (!state_->handles().rebind(id, answer.open.fh) && answer.error == 0) {
      tell_release(session_, lane, ino, answer.open, directory);
    }
    done(0);
  };
  if (directory) return ask_open(session_, lane, ino, flags, true, std::move(then));
  LentMode lent{
      [this, index] { return state_->handles().lent_mode(index); },
      [this, index](uint32_t mode) { state_->handles().set_lent_mode(index, mode); },
  };
  ask_reopen(session_, lane, ino, flags, std::move(lent), std::move(then));
}

}  // namespace fuse3::reconnect
