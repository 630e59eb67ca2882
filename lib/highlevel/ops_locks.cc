// Locks on files.
#include <fcntl.h>
#include <sys/file.h>

#include "highlevel/call.h"
#include "highlevel/file_locks.h"
#include "highlevel/ops.h"

namespace fuse3 {

void forget_locks(Tree& tree, Node& node, uint64_t owner) {
  struct flock all {};
  all.l_type = F_UNLCK;
  tree.with(node, [&] {
    if (node.locks == nullptr) return;
    node.locks->set(FileLocks::from(all, owner));
    if (node.locks->empty()) node.locks.reset();
  });
}

namespace hl {
namespace {

int ask_lock(Call& call, fuse_ino_t ino, fuse_file_info* info, struct flock* lock, int command) {
  HandlePath path(call, ino, info);
  if (path.error() != 0) return path.error();
  // It may wait until somebody else closes the file, which nothing must keep from doing so: not
  // even a rename of a directory above that waits for us. The text stays.
  if (command == F_SETLKW) path.release();
  return layer::lock(call.fs, path.path(), info, command, lock);
}

}  // namespace

// A lock of another owner that we know of is in the way; else the filesystem is asked, which may
// know of others.
void getlk(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info, struct flock* lock) {
  Call call(req);
  std::optional<FileLocks::Lock> conflict;
  if (Node* node = call.tree.find(ino)) {
    const FileLocks::Lock wanted = FileLocks::from(*lock, info->lock_owner);
    call.tree.with(*node, [&] {
      if (node->locks != nullptr) conflict = node->locks->conflict(wanted);
    });
  }
  if (conflict) {
    reply_lock(call.req, FileLocks::to(*conflict));
    return;
  }
  const int error = ask_lock(call, ino, info, lock, F_GETLK);
  if (error != 0) return finish(call, error);
  reply_lock(call.req, *lock);
}

void setlk(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info, struct flock* lock, int sleep) {
  Call call(req);
  const FileLocks::Lock wanted = FileLocks::from(*lock, info->lock_owner);
  const int error = ask_lock(call, ino, info, lock, sleep != 0 ? F_SETLKW : F_SETLK);
  Node* node = call.tree.find(ino);
  if (error == 0 && node != nullptr) {
    call.tree.with(*node, [&] {
      if (node->locks == nullptr) node->locks = std::make_unique<FileLocks>();
      node->locks->set(wanted);
    });
  }
  finish(call, error);
}

void flock(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info, int operation) {
  Call call(req);
  HandlePath path(call, ino, info);
  int error = path.error();
  if ((operation & LOCK_NB) == 0) path.release();  // as above
  if (error == 0) error = layer::flock(call.fs, path.path(), info, operation);
  path.release();
  finish(call, error);
}

}  // namespace hl
}  // namespace fuse3
