// Operations on attributes, ordinary and extended.
#include <fcntl.h>
#include <sys/sysmacros.h>

#include <memory>
#include <new>

#include "highlevel/call.h"
#include "highlevel/ops.h"

namespace fuse3::hl {
namespace {

void reply_attributes(Call& call, fuse_ino_t ino, struct stat& attributes) {
  if (call.config.auto_cache != 0) {
    if (Node* node = call.tree.find(ino)) see_contents(call.tree, *node, attributes);
  }
  adapt(call.config, own_number(call.req), attributes);
  reply_attr(call.req, attributes, call.config.attr_timeout);
}

timespec wanted_time(const timespec& given, int which, int set, int now) {
  if ((which & now) != 0) return {0, UTIME_NOW};
  if ((which & set) != 0) return given;
  return {0, UTIME_OMIT};
}

// One call of the filesystem for each kind of attribute.
int set_attributes(Call& call, const char* path, const struct stat& wanted, int which,
                   fuse_file_info* info) {
  int error = 0;
  if ((which & FUSE_SET_ATTR_MODE) != 0) {
    error = layer::chmod(call.fs, path, wanted.st_mode, info);
  }
  if (error == 0 && (which & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) != 0) {
    const uid_t uid = (which & FUSE_SET_ATTR_UID) != 0 ? wanted.st_uid : static_cast<uid_t>(-1);
    const gid_t gid = (which & FUSE_SET_ATTR_GID) != 0 ? wanted.st_gid : static_cast<gid_t>(-1);
    error = layer::chown(call.fs, path, uid, gid, info);
  }
  if (error == 0 && (which & FUSE_SET_ATTR_SIZE) != 0) {
    error = layer::truncate(call.fs, path, wanted.st_size, info);
  }
  if (error == 0 && (which & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME)) != 0) {
    const timespec times[2] = {
        wanted_time(wanted.st_atim, which, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW),
        wanted_time(wanted.st_mtim, which, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW)};
    error = layer::utimens(call.fs, path, times, info);
  }
  return error;
}

// `ask(path, memory, size)` fills the memory and says how much it was, or how much it would be if
// the size is 0.
template <class Ask>
void answer_xattr(Call& call, fuse_ino_t ino, size_t size, Ask ask) {
  PathHold path(call.tree);
  std::unique_ptr<char[]> memory(size > 0 ? new (std::nothrow) char[size] : nullptr);
  int result = size > 0 && memory == nullptr ? -ENOMEM : path.take(ino);
  if (result == 0) result = ask(path.path(), memory.get(), size);
  path.release();
  if (result < 0) return finish(call, result);
  if (size == 0) {
    reply_xattr_size(call.req, static_cast<size_t>(result));
  } else if (static_cast<size_t>(result) > size) {
    finish(call, -ERANGE);
  } else {
    reply_bytes(call.req, memory.get(), static_cast<size_t>(result));
  }
}

// `act(path)` on a node's path, answered with its result alone.
template <class Act>
void answer_act(fuse_req_t req, fuse_ino_t ino, Act act) {
  Call call(req);
  PathHold path(call.tree);
  int error = path.take(ino);
  if (error == 0) error = act(call.fs, path.path());
  path.release();
  finish(call, error);
}

}  // namespace

void getattr(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
  Call call(req);
  HandlePath path(call, ino, info);
  struct stat attributes {};
  int error = path.error();
  if (error == 0) error = layer::getattr(call.fs, path.path(), &attributes, info);
  path.release();
  if (error != 0) return finish(call, error);
  reply_attributes(call, ino, attributes);
}

void setattr(fuse_req_t req, fuse_ino_t ino, struct stat* wanted, int which, fuse_file_info* info) {
  Call call(req);
  HandlePath path(call, ino, info);
  struct stat attributes {};
  int error = path.error();
  if (error == 0) error = set_attributes(call, path.path(), *wanted, which, info);
  if (error == 0) error = layer::getattr(call.fs, path.path(), &attributes, info);
  path.release();
  if (error != 0) return finish(call, error);
  reply_attributes(call, ino, attributes);
}

void statx(fuse_req_t req, fuse_ino_t ino, int flags, int mask, fuse_file_info* info) {
  Call call(req);
  HandlePath path(call, ino, info);
  struct statx attributes {};
  int error = path.error();
  if (error == 0) error = layer::statx(call.fs, path.path(), flags, mask, &attributes, info);
  path.release();
  if (error != 0) return finish(call, error);
  struct stat adapted {};
  adapted.st_ino = attributes.stx_ino;
  adapted.st_mode = attributes.stx_mode;
  adapted.st_uid = attributes.stx_uid;
  adapted.st_gid = attributes.stx_gid;
  adapt(call.config, own_number(call.req), adapted);
  attributes.stx_ino = adapted.st_ino;
  attributes.stx_mode = static_cast<uint16_t>(adapted.st_mode);
  attributes.stx_uid = adapted.st_uid;
  attributes.stx_gid = adapted.st_gid;
  reply_statx(call.req, 0, attributes, call.config.attr_timeout);
}

void access(fuse_req_t req, fuse_ino_t ino, int mask) {
  answer_act(req, ino,
             [&](fuse_fs& fs, const char* path) { return layer::access(fs, path, mask); });
}

void setxattr(fuse_req_t req, fuse_ino_t ino, const char* name, const char* value, size_t size,
              int flags) {
  answer_act(req, ino, [&](fuse_fs& fs, const char* path) {
    return layer::setxattr(fs, path, name, value, size, flags);
  });
}

void removexattr(fuse_req_t req, fuse_ino_t ino, const char* name) {
  answer_act(req, ino,
             [&](fuse_fs& fs, const char* path) { return layer::removexattr(fs, path, name); });
}

void getxattr(fuse_req_t req, fuse_ino_t ino, const char* name, size_t size) {
  Call call(req);
  answer_xattr(call, ino, size, [&](const char* path, char* memory, size_t room) {
    return layer::getxattr(call.fs, path, name, memory, room);
  });
}

void listxattr(fuse_req_t req, fuse_ino_t ino, size_t size) {
  Call call(req);
  answer_xattr(call, ino, size, [&](const char* path, char* memory, size_t room) {
    return layer::listxattr(call.fs, path, memory, room);
  });
}

}  // namespace fuse3::hl
