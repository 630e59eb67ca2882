// Extended attributes. The system calls take no O_PATH descriptor, only a path that leads to one.

#include <sys/xattr.h>

#include <vector>

#include "filesystem.h"

namespace {

// Answers with a value of at most size bytes, or, for size 0, with how long it is.
template <typename Fetch>
void ReplyValue(fuse_req_t req, size_t size, Fetch fetch) {
  std::vector<char> value(size);
  const ssize_t length = fetch(value.data());
  if (length < 0) {
    fuse_reply_err(req, errno);
  } else if (size == 0) {
    fuse_reply_xattr(req, static_cast<size_t>(length));
  } else {
    fuse_reply_buf(req, value.data(), static_cast<size_t>(length));
  }
}

// The kernel takes ENOSYS for "never", and asks no more.
bool Refused(fuse_req_t req) {
  if (Filesystem::Of(req).options.xattr) {
    return false;
  }
  fuse_reply_err(req, ENOSYS);
  return true;
}

void GetXattr(fuse_req_t req, fuse_ino_t ino, const char* name, size_t size) {
  if (Refused(req)) {
    return;
  }
  const FdPath path(Filesystem::Of(req).PathFd(ino));
  ReplyValue(req, size, [&](char* value) { return getxattr(path.c_str(), name, value, size); });
}

void ListXattr(fuse_req_t req, fuse_ino_t ino, size_t size) {
  if (Refused(req)) {
    return;
  }
  const FdPath path(Filesystem::Of(req).PathFd(ino));
  ReplyValue(req, size, [&](char* names) { return listxattr(path.c_str(), names, size); });
}

void SetXattr(fuse_req_t req, fuse_ino_t ino, const char* name, const char* value, size_t size,
              int flags) {
  if (Refused(req)) {
    return;
  }
  const FdPath path(Filesystem::Of(req).PathFd(ino));
  fuse_reply_err(req, ErrorOf(setxattr(path.c_str(), name, value, size, flags)));
}

void RemoveXattr(fuse_req_t req, fuse_ino_t ino, const char* name) {
  if (Refused(req)) {
    return;
  }
  const FdPath path(Filesystem::Of(req).PathFd(ino));
  fuse_reply_err(req, ErrorOf(removexattr(path.c_str(), name)));
}

}  // namespace

void AddXattrOperations(fuse_lowlevel_ops* ops) {
  ops->getxattr = GetXattr;
  ops->listxattr = ListXattr;
  ops->setxattr = SetXattr;
  ops->removexattr = RemoveXattr;
}
