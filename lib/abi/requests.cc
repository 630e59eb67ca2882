// fuse_lowlevel.h: what a filesystem may ask about a request and the connection
#include <sys/ioctl.h>

#include "abi/export.h"
#include "lowlevel/backing.h"
#include "lowlevel/groups.h"
#include "lowlevel/notifications.h"
#include "session/session.h"

FUSE3_EXPORT void* fuse_req_userdata(fuse_req_t req) { return req->session->userdata; }

FUSE3_EXPORT const fuse_ctx* fuse_req_ctx(fuse_req_t req) { return &req->context; }

FUSE3_EXPORT int fuse_req_getgroups(fuse_req_t req, int size, gid_t list[]) {
  return fuse3::supplementary_groups(req->context.pid, size, list);
}

FUSE3_EXPORT void fuse_req_interrupt_func(fuse_req_t req, fuse_interrupt_func_t func, void* data) {
  req->lane->set_interrupt_function(*req, func, data);
}

FUSE3_EXPORT int fuse_req_interrupted(fuse_req_t req) { return req->lane->interrupted(*req); }

// Requests come from the device alone.
FUSE3_EXPORT bool fuse_req_is_uring(fuse_req_t) { return false; }

FUSE3_EXPORT int fuse_req_get_payload(fuse_req_t, char**, size_t*, void**) { return -EINVAL; }

FUSE3_EXPORT int fuse_passthrough_open(fuse_req_t req, int fd) {
  return fuse3::open_backing(*req, fd);
}

FUSE3_EXPORT int fuse_passthrough_close(fuse_req_t req, int backing_id) {
  return fuse3::close_backing(req->device, backing_id);
}

FUSE3_EXPORT int fuse_lowlevel_notify_poll(fuse_pollhandle* ph) {
  return ph != nullptr ? fuse3::notify_poll(*ph) : 0;
}

FUSE3_EXPORT void fuse_pollhandle_destroy(fuse_pollhandle* ph) { delete ph; }

FUSE3_EXPORT int fuse_lowlevel_notify_increment_epoch(fuse_session* se) {
  return se != nullptr ? fuse3::notify_increment_epoch(*se) : -EINVAL;
}

FUSE3_EXPORT int fuse_lowlevel_notify_inval_inode(fuse_session* se, fuse_ino_t ino, off_t off,
                                                  off_t len) {
  return se != nullptr ? fuse3::notify_inval_inode(*se, ino, off, len) : -EINVAL;
}

FUSE3_EXPORT int fuse_lowlevel_notify_inval_entry(fuse_session* se, fuse_ino_t parent,
                                                  const char* name, size_t namelen) {
  if (se == nullptr) return -EINVAL;
  return fuse3::notify_inval_entry(*se, parent, name, namelen, FUSE_LL_INVALIDATE);
}

FUSE3_EXPORT int fuse_lowlevel_notify_delete(fuse_session* se, fuse_ino_t parent, fuse_ino_t child,
                                             const char* name, size_t namelen) {
  return se != nullptr ? fuse3::notify_delete(*se, parent, child, name, namelen) : -EINVAL;
}

FUSE3_EXPORT int fuse_lowlevel_notify_store(fuse_session* se, fuse_ino_t ino, off_t offset,
                                            fuse_bufvec* bufv, fuse_buf_copy_flags flags) {
  if (se == nullptr || bufv == nullptr) return -EINVAL;
  return fuse3::notify_store(*se, ino, offset, *bufv, flags);
}

FUSE3_EXPORT int fuse_lowlevel_notify_retrieve(fuse_session* se, fuse_ino_t ino, size_t size,
                                               off_t offset, void* cookie) {
  return se != nullptr ? fuse3::notify_retrieve(*se, ino, size, offset, cookie) : -EINVAL;
}
