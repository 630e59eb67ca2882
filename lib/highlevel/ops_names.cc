// Operations that find and make names.
#include <climits>
#include <cstring>

#include "highlevel/call.h"
#include "highlevel/ops.h"

namespace fuse3::hl {
namespace {

// A file server asks for "." and ".." of nodes that it knows by number alone.
void look_up_dots(Call& call, fuse_ino_t number, bool parent) {
  PathHold path(call.tree);
  int error = path.take(number);
  if (error == 0 && parent) {
    Node& above = number == Tree::kRoot ? call.tree.root() : *path.node().parent;
    const uint64_t above_number = above.index;
    path.release();
    error = number == Tree::kRoot ? -ENOENT : path.take(above_number);
  }
  fuse_entry_param entry{};
  if (error == 0) error = find_entry(call, path, {}, nullptr, entry);
  path.release();
  finish_entry(call, error == -ENOENT ? -ESTALE : error, entry);
}

// Runs `make(path)`, which puts something under the name, and answers with what is there then.
template <class Make>
void make_name(fuse_req_t req, fuse_ino_t parent, const char* name, Make make) {
  Call call(req);
  PathHold path(call.tree);
  fuse_entry_param entry{};
  int error = path.take(parent, name);
  if (error == 0) error = make(call, path.path());
  if (error == 0) error = find_entry(call, path, name, nullptr, entry);
  path.release();
  finish_entry(call, error, entry);
}

}  // namespace

void lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  Call call(req);
  if (std::strcmp(name, ".") == 0) return look_up_dots(call, parent, false);
  if (std::strcmp(name, "..") == 0) return look_up_dots(call, parent, true);
  PathHold path(call.tree);
  fuse_entry_param entry{};
  int error = path.take(parent, name);
  if (error == 0) {
    error = find_entry(call, path, name, nullptr, entry);
    if (error == 0 && req->of_hidden) call.tree.set_hidden(entry.ino);
    // The kernel may remember that there is nothing.
    if (error == -ENOENT && call.config.negative_timeout != 0) {
      entry.ino = 0;
      entry.entry_timeout = call.config.negative_timeout;
      error = 0;
    }
  }
  path.release();
  finish_entry(call, error, entry);
}

void readlink(fuse_req_t req, fuse_ino_t ino) {
  Call call(req);
  PathHold path(call.tree);
  char target[PATH_MAX + 1];
  int error = path.take(ino);
  if (error == 0) error = layer::readlink(call.fs, path.path(), target, sizeof target);
  path.release();
  if (error != 0) return finish(call, error);
  target[PATH_MAX] = '\0';
  reply_bytes(call.req, target, std::strlen(target));
}

void mknod(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode, dev_t device) {
  Call call(req);
  PathHold path(call.tree);
  fuse_entry_param entry{};
  int error = path.take(parent, name);
  if (error == 0) {
    error = -ENOSYS;
    // A filesystem that can create and open files need not be able to make them otherwise.
    if (S_ISREG(mode)) {
      fuse_file_info info{};
      info.flags = O_CREAT | O_EXCL | O_WRONLY;
      error = layer::create(call.fs, path.path(), mode, &info);
      if (error == 0) {
        error = find_entry(call, path, name, &info, entry);
        layer::release(call.fs, path.path(), &info);
      }
    }
    if (error == -ENOSYS) {
      error = layer::mknod(call.fs, path.path(), mode, device);
      if (error == 0) error = find_entry(call, path, name, nullptr, entry);
    }
  }
  path.release();
  finish_entry(call, error, entry);
}

void mkdir(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode) {
  make_name(req, parent, name,
            [&](Call& call, const char* path) { return layer::mkdir(call.fs, path, mode); });
}

void symlink(fuse_req_t req, const char* target, fuse_ino_t parent, const char* name) {
  make_name(req, parent, name,
            [&](Call& call, const char* path) { return layer::symlink(call.fs, target, path); });
}

void link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char* name) {
  Call call(req);
  PathHold paths(call.tree);
  fuse_entry_param entry{};
  int error = paths.take_two(ino, parent, name);
  if (error == 0) error = layer::link(call.fs, paths.path(0), paths.path(1));
  if (error == 0) error = find_entry(call, paths, name, nullptr, entry, 1);
  paths.release();
  finish_entry(call, error, entry);
}

}  // namespace fuse3::hl
