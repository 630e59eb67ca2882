// Locks: recorded in the transaction that stores the reply which grants them, and taken again by a
// successor before it serves the first request on their file.
#include <fcntl.h>
#include <sys/file.h>

#include <cstring>
#include <mutex>

#include "reconnect/lock_conflicts.h"
#include "reconnect/seam/arguments.h"
#include "reconnect/seam/guard.h"
#include "reconnect/seam/lock_revival.h"
#include "reconnect/seam/reconnect_seam.h"
#include "support/log.h"
#include "wire/flags.h"

namespace fuse3::reconnect {
namespace {

using wire::Opcode;

bool is_lock_request(Opcode opcode) {
  return opcode == Opcode::setlk || opcode == Opcode::setlkw || opcode == Opcode::getlk;
}

wire::LockArgs lock_args(const fuse_req& req) {
  if (req.row->opcode == Opcode::setlkw) return args_of<wire::Setlkw>(req);
  if (req.row->opcode == Opcode::getlk) return args_of<wire::Getlk>(req);
  return args_of<wire::Setlk>(req);
}

Lock lock_of(const fuse_req& req) {
  const wire::LockArgs args = lock_args(req);
  Lock lock;
  lock.kind =
      (args.lk_flags & wire::lock_flag::flock) != 0 ? LockKind::whole_file : LockKind::posix;
  lock.type = args.type;
  lock.owner = args.owner;
  lock.start = args.start;
  lock.end = args.end;
  lock.pid = args.pid;
  lock.handle = args.handle;
  return lock;
}

}  // namespace

Result<void> ReconnectSeam::store_lock(fuse_req& req, const Slot& slot,
                                       const SlotPublish& publish) {
  return state_->locks().set(slot, req.message->node(), lock_of(req), publish);
}

// In a successor, before anything is run.
void ReconnectSeam::find_stale_locks() {
  if (!holds(Guard::lock_taken_again)) return;
  std::lock_guard guard(lock_revivals_lock_);
  for (const NodeId node : state_->locks().nodes()) stale_locks_.try_emplace(node.value);
  stale_lock_nodes_.store(stale_locks_.size(), std::memory_order_release);
}

// A node with locks that the request must not precede. Where every name is a node, another name of
// the same file may have them; and where inode numbers mean nothing, that may be any of the type.
std::optional<uint64_t> ReconnectSeam::node_with_stale_locks(const fuse_req& req) {
  const NodeId node = req.message->node();
  if (stale_locks_.contains(node.value)) return node.value;
  if (!session_.names_are_nodes || !is_lock_request(req.row->opcode)) return std::nullopt;
  if (!holds(Guard::lock_other_names)) return std::nullopt;
  const auto mine = state_->nodes().find(node);
  if (!mine) return std::nullopt;
  const Identity identity = state_->nodes().identity(mine->index);
  for (const auto& [other, revival] : stale_locks_) {
    const auto found = state_->nodes().find(NodeId{other});
    if (found && state_->nodes().identity(found->index).matches(identity)) return other;
  }
  return std::nullopt;
}

// True: the request waits until the locks on its file are taken again, and is run anew then.
//
// A thread that comes while another one is at it sleeps until that one is done, because what it
// brings may block in the filesystem and must not do so on somebody else's thread. If the
// filesystem answers late, nobody is at it; then requests are kept and run by who answers.
bool ReconnectSeam::take_locks_first(fuse_req& req) {
  if (stale_lock_nodes_.load(std::memory_order_acquire) == 0) return false;
  if (req.row->replay == Replay::released) return false;
  std::unique_lock guard(lock_revivals_lock_);
  for (;;) {
    const auto node = node_with_stale_locks(req);
    if (!node) return false;
    Revival& revival = stale_locks_[*node];
    if (!revival.begun) {
      revival.begun = revival.driven = true;
      guard.unlock();
      revive_locks(req, NodeId{*node});
      guard.lock();
      if (const auto late = stale_locks_.find(*node); late != stale_locks_.end()) {
        late->second.driven = false;
        locks_revived_.fetch_add(1, std::memory_order_release);
        locks_revived_.notify_all();
      }
      return true;
    }
    if (!revival.driven) {
      revival.waiting.push_back(&req);
      return true;
    }
    const uint32_t seen = locks_revived_.load(std::memory_order_acquire);
    guard.unlock();
    locks_revived_.wait(seen, std::memory_order_acquire);
    guard.lock();
  }
}

void ReconnectSeam::revive_locks(fuse_req& req, NodeId node) {
  std::vector<Lock> held;
  for (const Lock& lock : state_->locks().of_node(node)) {
    if (lock.lost) {
      locks_lost_.store(true, std::memory_order_relaxed);
    } else {
      held.push_back(lock);
    }
  }
  const auto revive = [this, &req, node](const Lock& lock, Revived then) {
    if (lock.handle.value != 0) {
      return revive_handle(req, lock.handle, std::move(then), Absence::expected);
    }
    const auto found = state_->nodes().find(node);
    if (!found) return then(ESTALE);
    revive_node(req, found->index, std::move(then), Absence::expected);
  };
  const auto lost = [this] { locks_lost_.store(true, std::memory_order_relaxed); };
  const auto done = [this, &req, node] {
    std::vector<fuse_req*> waiting;
    {
      std::lock_guard guard(lock_revivals_lock_);
      const auto revival = stale_locks_.find(node.value);
      waiting = std::move(revival->second.waiting);
      stale_locks_.erase(revival);
      stale_lock_nodes_.store(stale_locks_.size(), std::memory_order_release);
      locks_revived_.fetch_add(1, std::memory_order_release);
    }
    locks_revived_.notify_all();
    run_again(req);
    for (fuse_req* other : waiting) run_again(*other);
  };
  if (holds(Guard::lock_superseded)) held = without_superseded(std::move(held));
  (new LockRevival(session_, *state_, *req.lane, node, std::move(held), {revive, lost, done}))
      ->run();
}

// Before the filesystem is asked; 0 or an errno.
int ReconnectSeam::objection_to_locking(const fuse_req& req) {
  const Opcode opcode = req.row->opcode;
  if (opcode == Opcode::setlk || opcode == Opcode::setlkw) {
    // Locking leaves room for what unlocking may need: a record that is split.
    const auto room = state_->locks().reserve();
    if (!room && lock_args(req).type != F_UNLCK) return room.error();
  }
  if (!locks_lost_.load(std::memory_order_relaxed) || !holds(Guard::lock_lost)) return 0;
  // Who believes to have the lock must not go on as if it had it.
  HandleId handle;
  switch (opcode) {
    case Opcode::read:
      handle = args_of<wire::Read>(req).handle;
      break;
    case Opcode::write:
      // The kernel writes its pages back by any handle.
      if ((args_of<wire::Write>(req).write_flags & wire::write_flag::cache) != 0) return 0;
      handle = args_of<wire::Write>(req).handle;
      break;
    case Opcode::fallocate:
      handle = args_of<wire::Fallocate>(req).handle;
      break;
    case Opcode::setlk:
    case Opcode::setlkw:
      if (lock_args(req).type == F_UNLCK) return 0;
      handle = lock_args(req).handle;
      break;
    default:
      return 0;
  }
  return state_->locks().lost(req.message->node(), handle) ? EIO : 0;
}

}  // namespace fuse3::reconnect
