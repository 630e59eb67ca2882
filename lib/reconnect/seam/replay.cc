// Requests that a former server was in the middle of: they are run again, and what the first run
// may have left is told apart from what was there before (doc/reconnect.md, replay table).
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "reconnect/seam/arguments.h"
#include "reconnect/seam/guard.h"
#include "reconnect/seam/reconnect_seam.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

using wire::Opcode;

bool overlapping(uint64_t a, uint64_t b, uint64_t length) {
  return a < b ? b - a < length : a - b < length;
}

bool only_reads(const wire::Ioctl& args) {
  return _IOC_DIR(args.cmd) == _IOC_READ;
}

// Why it cannot be known whether the first run happened; null if it can or does not matter.
const char* undecidable(const fuse_req& req, const HandleTable& handles) {
  switch (req.row->opcode) {
    case Opcode::ioctl:
      if (req.session->options.reattach_ioctl == IoctlPolicy::rerun) return nullptr;
      return only_reads(args_of<wire::Ioctl>(req)) ? nullptr : "reattach_ioctl=eintr";
    case Opcode::read:
      return one_way(handles, args_of<wire::Read>(req).handle) ? "the file cannot be rewound"
                                                               : nullptr;
    case Opcode::write:
      return one_way(handles, args_of<wire::Write>(req).handle) ? "the file cannot be rewound"
                                                                : nullptr;
    // The kernel refuses these itself.
    case Opcode::copy_file_range:
    case Opcode::copy_file_range_64: {
      const auto args = args_of<wire::CopyFileRange>(req);
      const bool same = args.node_out == req.message->node();
      return same && overlapping(args.off_in, args.off_out, args.len) ? "the ranges overlap"
                                                                      : nullptr;
    }
    default:
      return nullptr;
  }
}

// Whether nobody has taken the guard away that keeps it from being run twice.
bool asked_once(const fuse_req& req) {
  return holds(req.row->opcode == Opcode::ioctl ? Guard::ioctl_policy : Guard::one_way_once);
}

// SFTP, for one, has no word for EEXIST: its filesystems say that something went wrong. And a file
// that was made so that nobody may write to it cannot be opened for that by who makes it again.
bool may_mean_exists(Opcode opcode, int error) {
  return error == EEXIST || error == EPERM || error == EIO ||
         (error == EACCES && opcode == Opcode::create);
}

}  // namespace

// A request in whose company so many servers died is not given to another. One that crashed may
// well have done so because of it; one that was killed was more likely killed for another reason,
// but may have been using too much memory on its account.
bool ReconnectSeam::is_poison(const Slot& slot) {
  return slot.deaths() >= 3 * kCrashWeight && holds(Guard::poison);
}

uint32_t ReconnectSeam::weight_of_end(int wait_status) {
  if (wait_status < 0) return 1;
  const bool killed = WIFSIGNALED(wait_status) &&
                      (WTERMSIG(wait_status) == SIGKILL || WTERMSIG(wait_status) == SIGTERM);
  return killed ? 1 : kCrashWeight;
}

// Before the objects are looked for; 0 or the errno it gets.
int ReconnectSeam::objection_to_rerun(fuse_req& req) {
  const Slot slot = slot_of(req);
  const auto node = state_->nodes().find(req.message->node());
  const std::string path = node ? state_->nodes().path(node->index) : "?";
  const auto id = static_cast<unsigned long long>(req.message->node().value);
  if (is_poison(slot)) {
    state_->count(State::Figure::poisoned);
    log_error("fuse: %s on node %llu (%s) was running when servers died again and again: EIO",
              req.row->name, id, path.c_str());
    return EIO;
  }
  if (const char* why = undecidable(req, state_->handles()); why != nullptr && asked_once(req)) {
    state_->count(State::Figure::poisoned);
    const int error = req.row->opcode == Opcode::ioctl ? EINTR : EIO;
    log_error(
        "fuse: whether %s on node %llu (%s) was done before the server died cannot be told "
        "(%s): %s",
        req.row->name, id, path.c_str(), why, error == EINTR ? "EINTR" : "EIO");
    return error;
  }
  return 0;
}

// With all objects known, before the request is run. True: it is being taken care of.
bool ReconnectSeam::check_before(fuse_req& req) {
  switch (req.row->replay) {
    case Replay::made:
      return put_back_made(req);
    case Replay::renamed:
      return check_exchanged(req);
    case Replay::appended:
      return check_appended(req);
    case Replay::placed:
      return check_shifted(req);
    default:
      return false;
  }
}

// The answer of the second run. True: it is being taken care of.
bool ReconnectSeam::check_after(fuse_req& req, const Reply& reply) {
  if (reply.error == 0) return false;
  switch (req.row->replay) {
    case Replay::made:
      if (!holds(Guard::made_exists) || !may_mean_exists(req.row->opcode, -reply.error))
        return false;
      switch (req.row->opcode) {
        case Opcode::mkdir:
          return check_made(req, args_of<wire::Mkdir>(req).name, -reply.error);
        case Opcode::mknod:
          return check_made(req, args_of<wire::Mknod>(req).name, -reply.error);
        case Opcode::symlink:
          return check_made(req, args_of<wire::Symlink>(req).name, -reply.error);
        case Opcode::link:
          return check_made(req, args_of<wire::Link>(req).name, -reply.error);
        case Opcode::create:
          return check_made(req, args_of<wire::Create>(req).name, -reply.error);
        default:
          return false;
      }
    case Replay::removed:
      if (!holds(Guard::removed_is_gone) || reply.error != -ENOENT) return false;
      answer(req, 0);
      return true;
    case Replay::renamed:
      // EEXIST: with RENAME_NOREPLACE a filesystem may look at the target first.
      return (reply.error == -ENOENT || reply.error == -EEXIST) && check_renamed(req, -reply.error);
    case Replay::set_xattr:
      return holds(Guard::xattr_exists) && reply.error == -EEXIST && check_xattr(req);
    case Replay::removed_xattr:
      return holds(Guard::xattr_gone) && reply.error == -ENODATA && check_xattr_removed(req);
    default:
      return false;
  }
}

}  // namespace fuse3::reconnect
