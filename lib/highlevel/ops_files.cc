// Operations that open, close and flush files.
#include <fcntl.h>

#include "highlevel/call.h"
#include "highlevel/file_locks.h"
#include "highlevel/hidden.h"
#include "highlevel/ops.h"
#include "support/newer_fields.h"

namespace fuse3::hl {
namespace {

// What the options add to what the filesystem has said about the file it opened.
void apply_open_options(const fuse_config& config, fuse_file_info& info) {
  if (config.direct_io != 0) info.direct_io = 1;
  if (config.kernel_cache != 0) info.keep_cache = 1;
  if (config.no_rofd_flush != 0 && (info.flags & O_ACCMODE) == O_RDONLY) info.noflush = 1;
  if (info.direct_io != 0 && FUSE3_FIELD_OR(config, parallel_direct_writes, 0) != 0) {
    FUSE3_SET_FIELD(info, parallel_direct_writes, 1);
  }
}

// Of the last one the locks go, too.
int flush_file(Call& call, Node* node, const char* path, fuse_file_info& info) {
  int error = layer::flush(call.fs, path, &info);
  if (call.fs.ops.lock == nullptr) return error;
  struct flock all {};
  all.l_type = F_UNLCK;
  all.l_whence = SEEK_SET;
  const int unlocked = layer::lock(call.fs, path, &info, F_SETLK, &all);
  if (unlocked == -ENOSYS) return error;
  if (node != nullptr) forget_locks(call.tree, *node, info.lock_owner);
  // The kernel must go on sending FLUSH, for the sake of the locks.
  return error == -ENOSYS ? 0 : error;
}

// The file is the filesystem's no more, which it hears of a file without a path, too; then a hidden
// one goes.
void close_file(Call& call, fuse_ino_t ino, fuse_file_info& info) {
  {
    HandlePath path(call, ino, &info);
    layer::release(call.fs, path.path(), &info);
  }
  Node* node = call.tree.find(ino);
  if (node != nullptr && call.tree.closed(*node)) remove_hidden(call.owner, *node);
}

}  // namespace

void open(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
  Call call(req);
  PathHold path(call.tree);
  int error = path.take(ino);
  if (error == 0) error = layer::open(call.fs, path.path(), info);
  if (error == 0) {
    apply_open_options(call.config, *info);
    if (call.config.auto_cache != 0) apply_auto_cache(call, path.node(), path.path(), *info);
    // While the path is held, so that whoever removes it sees that it is open.
    call.tree.opened(path.node());
  }
  path.release();
  if (error != 0) return finish(call, error);
  if (reply_open(call.req, *info) == -ENOENT) close_file(call, ino, *info);
}

void create(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode,
            fuse_file_info* info) {
  Call call(req);
  PathHold path(call.tree);
  fuse_entry_param entry{};
  int error = path.take(parent, name);
  if (error == 0) error = layer::create(call.fs, path.path(), mode, info);
  if (error == 0) {
    error = find_entry(call, path, name, info, entry);
    if (error == 0 && !S_ISREG(entry.attr.st_mode)) {
      forget_lookup(call, entry.ino, 1);
      error = -EIO;
    }
    if (error != 0) layer::release(call.fs, path.path(), info);
  }
  if (error == 0) {
    apply_open_options(call.config, *info);
    call.tree.opened(*call.tree.find(entry.ino));
  }
  path.release();
  if (error != 0) return finish(call, error);
  if (reply_create(call.req, entry, *info) == -ENOENT) {
    close_file(call, entry.ino, *info);
    forget_lookup(call, entry.ino, 1);
  }
}

void flush(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
  Call call(req);
  HandlePath path(call, ino, info);
  int error = path.error();
  if (error == 0) error = flush_file(call, call.tree.find(ino), path.path(), *info);
  path.release();
  finish(call, error);
}

void release(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
  Call call(req);
  int error = 0;
  if (info->flush != 0) {
    HandlePath path(call, ino, info);
    error = path.error();
    if (error == 0) error = flush_file(call, call.tree.find(ino), path.path(), *info);
    if (error == -ENOSYS) error = 0;
  }
  close_file(call, ino, *info);
  finish(call, error);
}

void fsync(fuse_req_t req, fuse_ino_t ino, int datasync, fuse_file_info* info) {
  Call call(req);
  HandlePath path(call, ino, info);
  int error = path.error();
  if (error == 0) error = layer::fsync(call.fs, path.path(), datasync, info);
  path.release();
  finish(call, error);
}

}  // namespace fuse3::hl
