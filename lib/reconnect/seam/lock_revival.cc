#include "reconnect/seam/lock_revival.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>

#include "support/log.h"

namespace fuse3::reconnect {
namespace {

struct flock posix_form(const Lock& lock, uint32_t type) {
  struct flock form {};
  form.l_type = static_cast<short>(type);
  form.l_whence = SEEK_SET;
  form.l_start = static_cast<off_t>(lock.start);
  const bool to_the_end = lock.end >= static_cast<uint64_t>(INT64_MAX);
  form.l_len = to_the_end ? 0 : static_cast<off_t>(lock.end - lock.start + 1);
  form.l_pid = static_cast<pid_t>(lock.pid);
  return form;
}

int whole_file_form(uint32_t type) {
  if (type == F_UNLCK) return LOCK_UN;
  return (type == F_RDLCK ? LOCK_SH : LOCK_EX) | LOCK_NB;
}

}  // namespace

LockRevival::LockRevival(fuse_session& session, State& state, Lane& lane, NodeId node,
                         std::vector<Lock> locks, Hooks hooks)
    : session_(session),
      state_(state),
      lane_(lane),
      node_(node),
      locks_(std::move(locks)),
      hooks_(std::move(hooks)) {}

void LockRevival::run() {
  while (next_ < locks_.size()) {
    const Lock& lock = locks_[next_++];
    turn_.store(kAsking, std::memory_order_relaxed);
    take(lock);
    if (turn_.exchange(kWaiting, std::memory_order_acq_rel) != kAnswered) return;
  }
  const auto done = std::move(hooks_.done);
  delete this;
  done();
}

void LockRevival::answered() {
  if (turn_.exchange(kAnswered, std::memory_order_acq_rel) == kWaiting) run();
}

void LockRevival::take(const Lock& lock) {
  hooks_.revive(lock, [this, &lock](int error) {
    if (error != 0) return taken(lock, error);
    ask_for(lock, lock.type, [this, &lock](const Answer& answer) { taken(lock, answer.error); });
  });
}

void LockRevival::ask_for(const Lock& lock, uint32_t type, Then then) {
  Answer none;
  const auto node = state_.nodes().find(node_);
  fuse_file_info info{};
  info.lock_owner = lock.owner;
  none.error = node ? 0 : ESTALE;
  if (lock.handle.value != 0) {
    const auto handle = state_.handles().find(lock.handle);
    if (handle) info.fh = state_.handles().fs_fh(handle->index);
    if (!handle) none.error = ESTALE;
  }
  const fuse_lowlevel_ops& ops = session_.ops;
  const bool posix = lock.kind == LockKind::posix;
  if (posix ? ops.setlk == nullptr : ops.flock == nullptr) none.error = ENOSYS;
  if (none.error != 0) return then(none);
  const uint64_t ino = state_.nodes().fs_ino(node->index);
  ask(
      session_, lane_, wire::Opcode::setlk,
      [&ops, posix, ino, info, form = posix_form(lock, type), type](fuse_req& req) {
        fuse_file_info mine = info;
        struct flock range = form;
        if (posix) {
          ops.setlk(&req, ino, &mine, &range, 0);
        } else {
          ops.flock(&req, ino, &mine, whole_file_form(type));
        }
      },
      std::move(then));
}

void LockRevival::taken(const Lock& lock, int error) {
  // The file may have been closed meanwhile: then nobody would ever unlock it.
  if (!state_.locks().holds(node_, lock)) {
    if (error != 0) return answered();
    return ask_for(lock, F_UNLCK, [this](const Answer&) { answered(); });
  }
  if (error != 0) {
    const auto node = state_.nodes().find(node_);
    state_.locks().mark_lost(node_, lock);
    hooks_.lost();
    log_error(
        "fuse: a lock on %s that process %u had when the server died could not be taken again: %s. "
        "Reading, writing and locking by that open file gives EIO until it is unlocked or closed",
        node ? state_.nodes().path(node->index).c_str() : "?", lock.pid, strerror(error));
  }
  answered();
}

}  // namespace fuse3::reconnect
