// Opening and closing, directory reading, locks.
#include <fcntl.h>
#include <sys/file.h>

#include <climits>
#include <cstring>

#include "lowlevel/operation.h"
#include "lowlevel/rows.h"
#include "options/feature_flags.h"

namespace fuse3 {
namespace {

using wire::Opcode;

const fuse_lowlevel_ops& ops(const fuse_req& req) { return req.session->ops; }

// Without an operation every open succeeds; ENOSYS lets a kernel that was told so stop asking.
void open_without_operation(fuse_req& req, fuse_file_info& info, uint64_t capability) {
  if (wants(req.session->connection, capability)) return void(reply_error(req, ENOSYS));
  reply(req, {.open = &info});
}

void open(fuse_req& req, const wire::Open& args) {
  fuse_file_info info = file_info({}, args.flags);
  if (ops(req).open == nullptr) return open_without_operation(req, info, FUSE_CAP_NO_OPEN_SUPPORT);
  ops(req).open(&req, req.ino, &info);
}

void opendir(fuse_req& req, const wire::Opendir& args) {
  fuse_file_info info = file_info({}, args.flags);
  if (ops(req).opendir == nullptr) {
    return open_without_operation(req, info, FUSE_CAP_NO_OPENDIR_SUPPORT);
  }
  ops(req).opendir(&req, req.ino, &info);
}

fuse_file_info release_info(const wire::ReleaseArgs& args) {
  fuse_file_info info = file_info(args.handle, args.flags);
  info.flush = (args.release_flags & wire::release_flag::flush) != 0;
  info.flock_release = (args.release_flags & wire::release_flag::flock_unlock) != 0;
  info.lock_owner = args.lock_owner;
  return info;
}

void release(fuse_req& req, const wire::Release& args) {
  if (ops(req).release == nullptr) return void(reply_error(req, 0));
  fuse_file_info info = release_info(args);
  ops(req).release(&req, req.ino, &info);
}

void releasedir(fuse_req& req, const wire::Releasedir& args) {
  if (ops(req).releasedir == nullptr) return void(reply_error(req, 0));
  fuse_file_info info = release_info(args);
  ops(req).releasedir(&req, req.ino, &info);
}

void flush(fuse_req& req, const wire::Flush& args) {
  if (ops(req).flush == nullptr) return void(reply_error(req, ENOSYS));
  fuse_file_info info = file_info(args.handle);
  info.flush = 1;
  info.lock_owner = args.lock_owner;
  ops(req).flush(&req, req.ino, &info);
}

void fsync(fuse_req& req, const wire::Fsync& args) {
  if (ops(req).fsync == nullptr) return void(reply_error(req, ENOSYS));
  fuse_file_info info = file_info(args.handle);
  ops(req).fsync(&req, req.ino, (args.fsync_flags & wire::fsync_flag::data_only) != 0, &info);
}

void fsyncdir(fuse_req& req, const wire::Fsyncdir& args) {
  if (ops(req).fsyncdir == nullptr) return void(reply_error(req, ENOSYS));
  fuse_file_info info = file_info(args.handle);
  ops(req).fsyncdir(&req, req.ino, (args.fsync_flags & wire::fsync_flag::data_only) != 0, &info);
}

void readdir(fuse_req& req, const wire::Readdir& args) {
  if (ops(req).readdir == nullptr) return void(reply_error(req, ENOSYS));
  fuse_file_info info = file_info(args.handle, args.flags);
  ops(req).readdir(&req, req.ino, args.size, static_cast<off_t>(args.offset), &info);
}

void readdirplus(fuse_req& req, const wire::Readdirplus& args) {
  if (ops(req).readdirplus == nullptr) return void(reply_error(req, ENOSYS));
  fuse_file_info info = file_info(args.handle, args.flags);
  ops(req).readdirplus(&req, req.ino, args.size, static_cast<off_t>(args.offset), &info);
}

struct flock lock_of(const wire::LockArgs& args) {
  struct flock lock {};
  lock.l_type = static_cast<short>(args.type);
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(args.start);
  lock.l_len = args.end >= static_cast<uint64_t>(INT64_MAX)
                   ? 0
                   : static_cast<off_t>(args.end - args.start + 1);
  lock.l_pid = static_cast<pid_t>(args.pid);
  return lock;
}

fuse_file_info lock_info(const wire::LockArgs& args) {
  fuse_file_info info = file_info(args.handle);
  info.lock_owner = args.owner;
  return info;
}

void getlk(fuse_req& req, const wire::Getlk& args) {
  if (ops(req).getlk == nullptr) return void(reply_error(req, ENOSYS));
  fuse_file_info info = lock_info(args);
  struct flock lock = lock_of(args);
  ops(req).getlk(&req, req.ino, &info, &lock);
}

void whole_file_lock(fuse_req& req, const wire::LockArgs& args, bool wait) {
  if (ops(req).flock == nullptr) return void(reply_error(req, ENOSYS));
  fuse_file_info info = lock_info(args);
  int operation = LOCK_UN;
  if (args.type == F_RDLCK) operation = LOCK_SH;
  if (args.type == F_WRLCK) operation = LOCK_EX;
  if (!wait) operation |= LOCK_NB;
  ops(req).flock(&req, req.ino, &info, operation);
}

void set_lock(fuse_req& req, const wire::LockArgs& args, bool wait) {
  if ((args.lk_flags & wire::lock_flag::flock) != 0) return whole_file_lock(req, args, wait);
  if (ops(req).setlk == nullptr) return void(reply_error(req, ENOSYS));
  fuse_file_info info = lock_info(args);
  struct flock lock = lock_of(args);
  ops(req).setlk(&req, req.ino, &info, &lock, wait ? 1 : 0);
}

void setlk(fuse_req& req, const wire::Setlk& args) { set_lock(req, args, false); }
void setlkw(fuse_req& req, const wire::Setlkw& args) { set_lock(req, args, true); }

constexpr Row kRows[] = {
    {Opcode::open, "OPEN", operation<wire::Open, open>, Replay::redo},
    {Opcode::opendir, "OPENDIR", operation<wire::Opendir, opendir>, Replay::redo},
    {Opcode::release, "RELEASE", operation<wire::Release, release>, Replay::released},
    {Opcode::releasedir, "RELEASEDIR", operation<wire::Releasedir, releasedir>, Replay::released},
    {Opcode::flush, "FLUSH", operation<wire::Flush, flush>, Replay::redo},
    {Opcode::fsync, "FSYNC", operation<wire::Fsync, fsync>, Replay::redo},
    {Opcode::fsyncdir, "FSYNCDIR", operation<wire::Fsyncdir, fsyncdir>, Replay::redo},
    {Opcode::readdir, "READDIR", operation<wire::Readdir, readdir>, Replay::repeat},
    {Opcode::readdirplus, "READDIRPLUS", operation<wire::Readdirplus, readdirplus>,
     Replay::repeat},
    {Opcode::getlk, "GETLK", operation<wire::Getlk, getlk>, Replay::repeat},
    {Opcode::setlk, "SETLK", operation<wire::Setlk, setlk>, Replay::redo},
    {Opcode::setlkw, "SETLKW", operation<wire::Setlkw, setlkw>, Replay::redo},
};

}  // namespace

std::span<const Row> file_rows() { return kRows; }

}  // namespace fuse3
