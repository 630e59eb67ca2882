// Operations that remove and move names.
#include <fcntl.h>
#include <linux/fs.h>

#include <string>

#include "highlevel/call.h"
#include "highlevel/hidden.h"
#include "highlevel/ops.h"

namespace fuse3::hl {
namespace {

bool must_be_hidden(Call& call, Node* victim) {
  return victim != nullptr && call.config.hard_remove == 0 && call.tree.is_open(*victim);
}

int rename_held(Call& call, PathHold& paths, std::string_view name, std::string_view new_name,
                unsigned flags) {
  Node* const moved = paths.victim(0);
  Node* replaced = paths.victim(1);
  const bool exchange = (flags & RENAME_EXCHANGE) != 0;
  std::string hidden_path;
  if ((flags & (RENAME_EXCHANGE | RENAME_NOREPLACE)) == 0 && must_be_hidden(call, replaced)) {
    const int error = hide(call, paths, 1, new_name, &hidden_path);
    if (error != 0) return error;
  }
  const int error = layer::rename(call.fs, paths.path(0), paths.path(1), flags);
  if (error != 0) {
    if (!hidden_path.empty()) unhide(call, paths, 1, new_name, hidden_path);
    return error;
  }
  if (!hidden_path.empty()) replaced = nullptr;  // has another name already
  const auto done =
      exchange ? call.tree.exchange(moved, paths.node(0), name, replaced, paths.node(1), new_name)
               : call.tree.move(moved, paths.node(1), new_name, replaced);
  return -done.error();
}

}  // namespace

void unlink(fuse_req_t req, fuse_ino_t parent, const char* name) {
  Call call(req);
  PathHold path(call.tree);
  int error = path.take_to_remove(parent, name);
  if (error == 0 && must_be_hidden(call, path.victim())) {
    std::string hidden_path;
    error = hide(call, path, 0, name, &hidden_path);
  } else if (error == 0) {
    error = layer::unlink(call.fs, path.path());
    if (error == 0 && path.victim() != nullptr) call.tree.detach(*path.victim());
  }
  path.release();
  finish(call, error);
}

void rmdir(fuse_req_t req, fuse_ino_t parent, const char* name) {
  Call call(req);
  PathHold path(call.tree);
  int error = path.take_to_remove(parent, name);
  if (error == 0) error = layer::rmdir(call.fs, path.path());
  if (error == 0 && path.victim() != nullptr) call.tree.detach(*path.victim());
  path.release();
  finish(call, error);
}

void rename(fuse_req_t req, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
            const char* new_name, unsigned flags) {
  Call call(req);
  PathHold paths(call.tree);
  int error = paths.take_to_rename(parent, name, new_parent, new_name);
  if (error == 0) error = rename_held(call, paths, name, new_name, flags);
  paths.release();
  finish(call, error);
}

}  // namespace fuse3::hl
