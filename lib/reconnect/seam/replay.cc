// Requests that a former server was in the middle of: they are run again, and what the first run may
// have left is told apart from what was there before (doc/reconnect.md, replay table).
#include <fcntl.h>
#include <linux/falloc.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstring>

#include "reconnect/seam/reconnect_seam.h"
#include "support/log.h"
#include "wire/reply.h"
#include "wire/request.h"

namespace fuse3::reconnect {
namespace {

using wire::Opcode;


template <class Args>
Args args_of(const fuse_req& req) {
  auto args = wire::decode<Args>(*req.message, req.session->negotiated);
  return args ? *args : Args{};
}

Identity identity_in(const fuse_entry_param& entry) {
  return {entry.attr.st_ino, fold_device(entry.attr.st_dev), entry.attr.st_mode & S_IFMT};
}

bool overlapping(uint64_t a, uint64_t b, uint64_t length) {
  return a < b ? b - a < length : a - b < length;
}

// Why it cannot be known whether the first run happened; null if it can or does not matter.
const char* undecidable(const fuse_req& req, const HandleTable& handles) {
  constexpr uint32_t kOneWay = wire::open_reply::stream | wire::open_reply::nonseekable;
  const auto one_way = [&](HandleId id) {
    const auto handle = handles.find(id);
    return handle && (handles.fopen_flags(handle->index) & kOneWay) != 0;
  };
  switch (req.row->opcode) {
    case Opcode::fallocate:
      if ((args_of<wire::Fallocate>(req).mode &
           (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)) != 0) {
        return "it shifts the file's contents";
      }
      return nullptr;
    case Opcode::ioctl:
      return _IOC_DIR(args_of<wire::Ioctl>(req).cmd) == _IOC_READ ? nullptr : "it is an ioctl";
    case Opcode::read:
      return one_way(args_of<wire::Read>(req).handle) ? "the file cannot be rewound" : nullptr;
    case Opcode::write:
      return one_way(args_of<wire::Write>(req).handle) ? "the file cannot be rewound" : nullptr;
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

}  // namespace

// A request in whose company so many servers died is not given to another. One that crashed may
// well have done so because of it; one that was killed was more likely killed for another reason,
// but may have been using too much memory on its account.
bool ReconnectSeam::is_poison(const Slot& slot) { return slot.deaths() >= 3 * kCrashWeight; }

uint32_t ReconnectSeam::weight_of_end(int wait_status) {
  if (wait_status < 0) return 1;
  const bool killed = WIFSIGNALED(wait_status) && (WTERMSIG(wait_status) == SIGKILL ||
                                                   WTERMSIG(wait_status) == SIGTERM);
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
  if (const char* why = undecidable(req, state_->handles())) {
    state_->count(State::Figure::poisoned);
    log_error("fuse: whether %s on node %llu (%s) was done before the server died cannot be told "
              "(%s): EIO", req.row->name, id, path.c_str(), why);
    return EIO;
  }
  return 0;
}

// With all objects known, before the request is run. True: it is being taken care of.
bool ReconnectSeam::check_before(fuse_req& req) {
  switch (req.row->replay) {
    case Replay::renamed:
      return check_exchanged(req);
    case Replay::appended:
      return check_appended(req);
    default:
      return false;
  }
}

// The answer of the second run. True: it is being taken care of.
bool ReconnectSeam::check_after(fuse_req& req, const Reply& reply) {
  if (reply.error == 0) return false;
  switch (req.row->replay) {
    case Replay::made:
      if (reply.error != -EEXIST) return false;
      switch (req.row->opcode) {
        case Opcode::mkdir: return check_made(req, args_of<wire::Mkdir>(req).name);
        case Opcode::mknod: return check_made(req, args_of<wire::Mknod>(req).name);
        case Opcode::symlink: return check_made(req, args_of<wire::Symlink>(req).name);
        case Opcode::link: return check_made(req, args_of<wire::Link>(req).name);
        case Opcode::create: return check_made(req, args_of<wire::Create>(req).name);
        default: return false;
      }
    case Replay::removed:
      if (reply.error != -ENOENT) return false;
      answer(req, 0);
      return true;
    case Replay::renamed:
      // EEXIST: with RENAME_NOREPLACE a filesystem may look at the target first.
      return (reply.error == -ENOENT || reply.error == -EEXIST) &&
             check_renamed(req, -reply.error);
    case Replay::set_xattr:
      return reply.error == -EEXIST && check_xattr(req);
    case Replay::removed_xattr:
      if (reply.error != -ENODATA) return false;
      answer(req, 0);
      return true;
    default:
      return false;
  }
}

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
      return old && state_->nodes().identity(old->index).matches(identity_in(entry));
    }
    default:
      return false;
  }
}

bool ReconnectSeam::check_made(fuse_req& req, std::string name) {
  // The kernel asks for a name to be made only when it knows of none. One in the table was there
  // before the request.
  if (state_->nodes().find_edge(req.message->node(), name)) return false;
  ask_lookup(session_, *req.lane, req.ino, name, [this, &req](const Answer& found) {
    if (found.error != 0 || !found.has_entry || found.entry.ino == 0) return answer(req, EEXIST);
    if (!is_what_was_asked_for(req, found.entry)) return refuse_made(req, found.entry);
    if (req.row->opcode == Opcode::symlink) return compare_target(req, found.entry);
    if (req.row->opcode == Opcode::create) return open_made(req, found.entry);
    accept_made(req, found.entry);
  });
  return true;
}

void ReconnectSeam::accept_made(fuse_req& req, const fuse_entry_param& entry) {
  req.rerun = false;
  reply(req, {.entry = &entry});
}

void ReconnectSeam::refuse_made(fuse_req& req, const fuse_entry_param& entry) {
  tell_forget(session_, *req.lane, entry.ino, 1);
  answer(req, EEXIST);
}

void ReconnectSeam::compare_target(fuse_req& req, const fuse_entry_param& entry) {
  const auto operation = session_.ops.readlink;
  if (operation == nullptr) return refuse_made(req, entry);
  ask(
      session_, *req.lane, Opcode::readlink,
      [operation, ino = entry.ino](fuse_req& question) { operation(&question, ino); },
      [this, &req, entry](const Answer& found) {
        const std::string_view target = args_of<wire::Symlink>(req).target;
        const std::string_view there(reinterpret_cast<const char*>(found.bytes.data()),
                                     found.bytes.size());
        if (found.error != 0 || there != target) return refuse_made(req, entry);
        accept_made(req, entry);
      });
}

void ReconnectSeam::open_made(fuse_req& req, const fuse_entry_param& entry) {
  ask_open(session_, *req.lane, entry.ino, args_of<wire::Create>(req).flags, false,
           [this, &req, entry](const Answer& opened) {
             if (opened.error != 0) {
               tell_forget(session_, *req.lane, entry.ino, 1);
               return answer(req, opened.error);
             }
             req.rerun = false;
             reply(req, {.entry = &entry, .open = &opened.open});
           });
}

// ENOENT: success when the target is what the source was.
bool ReconnectSeam::check_renamed(fuse_req& req, int error) {
  const auto args = args_of<wire::Rename>(req);
  const auto source = state_->nodes().find_edge(req.message->node(), args.name);
  const auto new_parent = state_->nodes().find(args.new_parent);
  if (!source || !new_parent) return false;
  const auto node = state_->nodes().find(*source);
  if (!node) return false;
  const Identity wanted = state_->nodes().identity(node->index);
  ask_lookup(session_, *req.lane, state_->nodes().fs_ino(new_parent->index), args.new_name,
             [this, &req, wanted, error](const Answer& found) {
               const bool there = found.error == 0 && found.has_entry && found.entry.ino != 0;
               if (there) tell_forget(session_, *req.lane, found.entry.ino, 1);
               answer(req, there && wanted.matches(identity_in(found.entry)) ? 0 : error);
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
  if (!first || (!second && !whiteout) || !parent) {
    answer(req, EIO);
    return true;
  }
  ask_lookup(session_, *req.lane, nodes.fs_ino(parent->index), args.name,
             [this, &req, first, second, whiteout](const Answer& found) {
               const bool there = found.error == 0 && found.has_entry && found.entry.ino != 0;
               if (there) tell_forget(session_, *req.lane, found.entry.ino, 1);
               const bool done =
                   there && (whiteout ? S_ISCHR(found.entry.attr.st_mode) &&
                                            !first->matches(identity_in(found.entry))
                                      : second->matches(identity_in(found.entry)));
               if (done) return answer(req, 0);
               if (!there || !first->matches(identity_in(found.entry))) {
                 log_error("fuse: whether an exchange of names was done before the server died "
                           "cannot be told: EIO");
                 return answer(req, EIO);
               }
               req.cleared = true;
               run_again(req);
             });
  return true;
}

// The kernel sends an append with the offset at which it expects the end of the file, and lets nobody
// else through to that file meanwhile; so the size tells how much of it was written.
bool ReconnectSeam::check_appended(fuse_req& req) {
  const auto args = args_of<wire::Write>(req);
  // None where the kernel opens without asking.
  const auto handle = state_->handles().find(args.handle);
  const uint32_t open_flags = handle ? state_->handles().open_flags(handle->index) : 0;
  const bool appends = ((args.flags | open_flags) & O_APPEND) != 0;
  // From the page cache it goes to its place whatever the flags say.
  if (!appends || (args.write_flags & wire::write_flag::cache) != 0) return false;
  const auto operation = session_.ops.getattr;
  if (operation == nullptr) return false;
  const auto node = state_->nodes().find(req.message->node());
  if (!node) return false;
  const uint64_t ino = state_->nodes().fs_ino(node->index);
  fuse_file_info info{};
  if (handle) info.fh = state_->handles().fs_fh(handle->index);
  ask(
      session_, *req.lane, Opcode::getattr,
      [operation, ino, info](fuse_req& question) {
        fuse_file_info copy = info;
        operation(&question, ino, &copy);
      },
      [this, &req, args](const Answer& found) {
        wire::AttrOut attr{};
        if (found.error != 0 || found.bytes.size() < sizeof attr) {
          return answer(req, found.error != 0 ? found.error : EIO);
        }
        std::memcpy(&attr, found.bytes.data(), sizeof attr);
        if (attr.attr.size <= args.offset) {
          req.cleared = true;
          return run_again(req);
        }
        const uint64_t done = attr.attr.size - args.offset;
        if (done > args.size) {
          log_error("fuse: whether an append of %u bytes at %llu was done before the server died "
                    "cannot be told, the file has %llu: EIO", args.size,
                    static_cast<unsigned long long>(args.offset),
                    static_cast<unsigned long long>(attr.attr.size));
          return answer(req, EIO);
        }
        write_rest(req, static_cast<size_t>(done));
      });
  return true;
}

// `done` bytes of the append are there already.
void ReconnectSeam::write_rest(fuse_req& req, size_t done) {
  const auto args = args_of<wire::Write>(req);
  const auto finish = [this, &req, done](size_t more) {
    const wire::WriteOut out = wire::make_write(static_cast<uint32_t>(done + more));
    const iovec piece{const_cast<wire::WriteOut*>(&out), sizeof out};
    req.rerun = false;
    reply(req, {.pieces = &piece, .piece_count = 1});
  };
  if (done == args.data.size()) return finish(0);
  const auto node = state_->nodes().find(req.message->node());
  const auto handle = state_->handles().find(args.handle);
  if (!node) return answer(req, ESTALE);
  const uint64_t ino = state_->nodes().fs_ino(node->index);
  fuse_file_info info{};
  if (handle) info.fh = state_->handles().fs_fh(handle->index);
  info.flags = static_cast<int32_t>(args.flags);
  const auto rest = args.data.subspan(done);
  const auto offset = static_cast<off_t>(args.offset + done);
  ask(
      session_, *req.lane, Opcode::write,
      [this, ino, info, rest, offset](fuse_req& question) {
        fuse_file_info copy = info;
        if (session_.ops.write_buf != nullptr) {
          fuse_bufvec data = FUSE_BUFVEC_INIT(rest.size());
          data.buf[0].mem = const_cast<std::byte*>(rest.data());
          return session_.ops.write_buf(&question, ino, &data, offset, &copy);
        }
        session_.ops.write(&question, ino, reinterpret_cast<const char*>(rest.data()), rest.size(),
                           offset, &copy);
      },
      [this, &req, finish](const Answer& written) {
        wire::WriteOut out{};
        if (written.error != 0 || written.bytes.size() < sizeof out) {
          return answer(req, written.error != 0 ? written.error : EIO);
        }
        std::memcpy(&out, written.bytes.data(), sizeof out);
        finish(out.size);
      });
}

// EEXIST for XATTR_CREATE: success when the value is the one that was to be set.
bool ReconnectSeam::check_xattr(fuse_req& req) {
  const auto operation = session_.ops.getxattr;
  if (operation == nullptr) return false;
  const auto args = args_of<wire::Setxattr>(req);
  const std::string name(args.name);
  const size_t room = args.value.size() + 1;  // one more, so that a longer value shows
  ask(
      session_, *req.lane, Opcode::getxattr,
      [operation, ino = req.ino, name, room](fuse_req& question) {
        operation(&question, ino, name.c_str(), room);
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
