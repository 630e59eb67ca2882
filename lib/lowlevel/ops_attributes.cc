// Operations on attributes, permissions, extended attributes and the filesystem as a whole.
#include <sys/stat.h>

#include <cstring>

#include "lowlevel/operation.h"
#include "lowlevel/rows.h"
#include "support/newer_fields.h"

namespace fuse3 {
namespace {

using wire::Opcode;

const fuse_lowlevel_ops& ops(const fuse_req& req) { return req.session->ops; }

void getattr(fuse_req& req, const wire::Getattr& args) {
  if (ops(req).getattr == nullptr) return void(reply_error(req, ENOSYS));
  fuse_file_info info = file_info(args.handle);
  ops(req).getattr(&req, req.ino, args.has_handle ? &info : nullptr);
}

void statx(fuse_req& req, const wire::Statx& args) {
  void (*const operation)(fuse_req_t, fuse_ino_t, int, int, fuse_file_info*) =
      FUSE3_FIELD_OR(ops(req), statx, nullptr);
  if (operation == nullptr) return void(reply_error(req, ENOSYS));
  fuse_file_info info = file_info(args.handle);
  operation(&req, req.ino, static_cast<int>(args.flags), static_cast<int>(args.mask),
            args.has_handle ? &info : nullptr);
}

constexpr uint32_t kSettable = FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID |
                               FUSE_SET_ATTR_SIZE | FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME |
                               FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW |
                               FUSE_SET_ATTR_CTIME | FUSE_SET_ATTR_KILL_SUID;

timespec time_of(const wire::TimeSpec& time) {
  return {static_cast<time_t>(time.seconds), static_cast<long>(time.nanoseconds)};
}

void setattr(fuse_req& req, const wire::Setattr& args) {
  if (ops(req).setattr == nullptr) return void(reply_error(req, ENOSYS));
  struct stat attributes {};
  attributes.st_mode = args.mode;
  attributes.st_uid = args.uid;
  attributes.st_gid = args.gid;
  attributes.st_size = static_cast<off_t>(args.size);
  attributes.st_atim = time_of(args.atime);
  attributes.st_mtim = time_of(args.mtime);
  attributes.st_ctim = time_of(args.ctime);
  fuse_file_info info = file_info(args.handle);
  if (args.has_lock_owner) info.lock_owner = args.lock_owner;
  ops(req).setattr(&req, req.ino, &attributes, static_cast<int>(args.valid & kSettable),
                   args.has_handle ? &info : nullptr);
}

void access(fuse_req& req, const wire::Access& args) {
  if (ops(req).access == nullptr) return void(reply_error(req, ENOSYS));
  ops(req).access(&req, req.ino, static_cast<int>(args.mask));
}

void bmap(fuse_req& req, const wire::Bmap& args) {
  if (ops(req).bmap == nullptr) return void(reply_error(req, ENOSYS));
  ops(req).bmap(&req, req.ino, args.blocksize, args.block);
}

void statfs(fuse_req& req, const wire::Statfs&) {
  if (ops(req).statfs != nullptr) return ops(req).statfs(&req, req.ino);
  struct statvfs none {};
  none.f_namemax = 255;
  none.f_bsize = 512;
  fuse_reply_statfs(&req, &none);
}

void syncfs(fuse_req& req, const wire::Syncfs&) {
  void (*const operation)(fuse_req_t, fuse_ino_t) = FUSE3_FIELD_OR(ops(req), syncfs, nullptr);
  if (operation == nullptr) return void(reply_error(req, ENOSYS));
  operation(&req, req.ino);
}

void setxattr(fuse_req& req, const wire::Setxattr& args) {
  if (ops(req).setxattr == nullptr) return void(reply_error(req, ENOSYS));
  ops(req).setxattr(&req, req.ino, args.name, reinterpret_cast<const char*>(args.value.data()),
                    args.value.size(), static_cast<int>(args.flags));
}

void getxattr(fuse_req& req, const wire::Getxattr& args) {
  if (ops(req).getxattr == nullptr) return void(reply_error(req, ENOSYS));
  ops(req).getxattr(&req, req.ino, args.name, args.size);
}

void listxattr(fuse_req& req, const wire::Listxattr& args) {
  if (ops(req).listxattr == nullptr) return void(reply_error(req, ENOSYS));
  ops(req).listxattr(&req, req.ino, args.size);
}

void removexattr(fuse_req& req, const wire::Removexattr& args) {
  if (ops(req).removexattr == nullptr) return void(reply_error(req, ENOSYS));
  ops(req).removexattr(&req, req.ino, args.name);
}

constexpr Row kRows[] = {
    {Opcode::getattr, "GETATTR", operation<wire::Getattr, getattr>, Replay::repeat},
    {Opcode::statx, "STATX", operation<wire::Statx, statx>, Replay::repeat},
    {Opcode::setattr, "SETATTR", operation<wire::Setattr, setattr>, Replay::redo},
    {Opcode::access, "ACCESS", operation<wire::Access, access>, Replay::repeat},
    {Opcode::bmap, "BMAP", operation<wire::Bmap, bmap>, Replay::repeat},
    {Opcode::statfs, "STATFS", operation<wire::Statfs, statfs>, Replay::repeat},
    {Opcode::syncfs, "SYNCFS", operation<wire::Syncfs, syncfs>, Replay::repeat},
    {Opcode::setxattr, "SETXATTR", operation<wire::Setxattr, setxattr>, Replay::set_xattr},
    {Opcode::getxattr, "GETXATTR", operation<wire::Getxattr, getxattr>, Replay::repeat},
    {Opcode::listxattr, "LISTXATTR", operation<wire::Listxattr, listxattr>, Replay::repeat},
    {Opcode::removexattr, "REMOVEXATTR", operation<wire::Removexattr, removexattr>,
     Replay::removed_xattr},
};

}  // namespace

std::span<const Row> attribute_rows() { return kRows; }

}  // namespace fuse3
