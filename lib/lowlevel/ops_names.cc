// Operations on directory entries.
#include <cstring>

#include "lowlevel/operation.h"
#include "lowlevel/rows.h"
#include "support/newer_fields.h"

namespace fuse3 {
namespace {

using wire::Opcode;

const fuse_lowlevel_ops& ops(const fuse_req& req) { return req.session->ops; }

void lookup(fuse_req& req, const wire::Lookup& args) {
  if (ops(req).lookup == nullptr) return void(reply_error(req, ENOSYS));
  ops(req).lookup(&req, req.ino, args.name);
}

void readlink(fuse_req& req, const wire::Readlink&) {
  if (ops(req).readlink == nullptr) return void(reply_error(req, ENOSYS));
  ops(req).readlink(&req, req.ino);
}

void symlink(fuse_req& req, const wire::Symlink& args) {
  if (ops(req).symlink == nullptr) return void(reply_error(req, ENOSYS));
  ops(req).symlink(&req, args.target, req.ino, args.name);
}

void mknod(fuse_req& req, const wire::Mknod& args) {
  if (ops(req).mknod == nullptr) return void(reply_error(req, ENOSYS));
  req.context.umask = args.umask;
  ops(req).mknod(&req, req.ino, args.name, args.mode, args.rdev);
}

void mkdir(fuse_req& req, const wire::Mkdir& args) {
  if (ops(req).mkdir == nullptr) return void(reply_error(req, ENOSYS));
  req.context.umask = args.umask;
  ops(req).mkdir(&req, req.ino, args.name, args.mode);
}

void unlink(fuse_req& req, const wire::Unlink& args) {
  if (ops(req).unlink == nullptr) return void(reply_error(req, ENOSYS));
  ops(req).unlink(&req, req.ino, args.name);
}

void rmdir(fuse_req& req, const wire::Rmdir& args) {
  if (ops(req).rmdir == nullptr) return void(reply_error(req, ENOSYS));
  ops(req).rmdir(&req, req.ino, args.name);
}

void rename(fuse_req& req, const wire::Rename& args) {
  if (ops(req).rename == nullptr) return void(reply_error(req, ENOSYS));
  ops(req).rename(&req, req.ino, args.name, args.new_parent.value, args.new_name, args.flags);
}

void link(fuse_req& req, const wire::Link& args) {
  if (ops(req).link == nullptr) return void(reply_error(req, ENOSYS));
  ops(req).link(&req, args.old_node.value, req.ino, args.name);
}

void create(fuse_req& req, const wire::Create& args) {
  if (ops(req).create == nullptr) return void(reply_error(req, ENOSYS));
  req.context.umask = args.umask;
  fuse_file_info info = file_info({}, args.flags);
  ops(req).create(&req, req.ino, args.name, args.mode, &info);
}

void tmpfile(fuse_req& req, const wire::Tmpfile& args) {
  void (*const operation)(fuse_req_t, fuse_ino_t, mode_t, fuse_file_info*) =
      FUSE3_FIELD_OR(ops(req), tmpfile, nullptr);
  if (operation == nullptr) return void(reply_error(req, ENOSYS));
  req.context.umask = args.umask;
  fuse_file_info info = file_info({}, args.flags);
  operation(&req, req.ino, args.mode, &info);
}

constexpr Row kRows[] = {
    {Opcode::lookup, "LOOKUP", operation<wire::Lookup, lookup>, Replay::repeat},
    {Opcode::readlink, "READLINK", operation<wire::Readlink, readlink>, Replay::repeat},
    {Opcode::symlink, "SYMLINK", operation<wire::Symlink, symlink>, Replay::made},
    {Opcode::mknod, "MKNOD", operation<wire::Mknod, mknod>, Replay::made},
    {Opcode::mkdir, "MKDIR", operation<wire::Mkdir, mkdir>, Replay::made},
    {Opcode::unlink, "UNLINK", operation<wire::Unlink, unlink>, Replay::removed},
    {Opcode::rmdir, "RMDIR", operation<wire::Rmdir, rmdir>, Replay::removed},
    {Opcode::rename, "RENAME", operation<wire::Rename, rename>, Replay::renamed},
    {Opcode::rename2, "RENAME2", operation<wire::Rename, rename>, Replay::renamed},
    {Opcode::link, "LINK", operation<wire::Link, link>, Replay::made},
    {Opcode::create, "CREATE", operation<wire::Create, create>, Replay::made},
    {Opcode::tmpfile, "TMPFILE", operation<wire::Tmpfile, tmpfile>, Replay::redo},
};

}  // namespace

std::span<const Row> name_rows() { return kRows; }

}  // namespace fuse3
