// fuse_lowlevel.h: answering requests
#include <cstring>

#include "abi/export.h"
#include "lowlevel/operation.h"
#include "lowlevel/replies.h"
#include "support/log.h"
#include "wire/dirent.h"

FUSE3_EXPORT int fuse_reply_err(fuse_req_t req, int err) {
  if (err < 0 || err > fuse3::kLargestError) {
    fuse3::log_error("fuse: the filesystem answered %s with %d, which is no errno", req->row->name,
                     err);
    err = ERANGE;
  }
  return fuse3::reply_error(*req, err);
}

FUSE3_EXPORT void fuse_reply_none(fuse_req_t req) { req->seam->no_reply(*req); }

FUSE3_EXPORT int fuse_reply_entry(fuse_req_t req, const fuse_entry_param* e) {
  return fuse3::reply_entry(*req, *e);
}

FUSE3_EXPORT int fuse_reply_create(fuse_req_t req, const fuse_entry_param* e,
                                   const fuse_file_info* fi) {
  return fuse3::reply_create(*req, *e, *fi);
}

FUSE3_EXPORT int fuse_reply_attr(fuse_req_t req, const struct stat* attr, double attr_timeout) {
  return fuse3::reply_attr(*req, *attr, attr_timeout);
}

FUSE3_EXPORT int fuse_reply_readlink(fuse_req_t req, const char* link) {
  return fuse3::reply_bytes(*req, link, std::strlen(link));
}

FUSE3_EXPORT int fuse_reply_open(fuse_req_t req, const fuse_file_info* fi) {
  return fuse3::reply_open(*req, *fi);
}

FUSE3_EXPORT int fuse_reply_write(fuse_req_t req, size_t count) {
  return fuse3::reply_write(*req, count);
}

FUSE3_EXPORT int fuse_reply_buf(fuse_req_t req, const char* buf, size_t size) {
  return fuse3::reply_bytes(*req, buf, size);
}

FUSE3_EXPORT int fuse_reply_data(fuse_req_t req, fuse_bufvec* bufv, fuse_buf_copy_flags flags) {
  return req->seam->reply_data(*req, *bufv, flags);
}

FUSE3_EXPORT int fuse_reply_iov(fuse_req_t req, const iovec* iov, int count) {
  return fuse3::reply_iov(*req, iov, count);
}

FUSE3_EXPORT int fuse_reply_statfs(fuse_req_t req, const struct statvfs* stbuf) {
  return fuse3::reply_statfs(*req, *stbuf);
}

FUSE3_EXPORT int fuse_reply_xattr(fuse_req_t req, size_t count) {
  return fuse3::reply_xattr_size(*req, count);
}

FUSE3_EXPORT int fuse_reply_lock(fuse_req_t req, const struct flock* lock) {
  return fuse3::reply_lock(*req, *lock);
}

FUSE3_EXPORT int fuse_reply_bmap(fuse_req_t req, uint64_t idx) {
  return fuse3::reply_bmap(*req, idx);
}

FUSE3_EXPORT int fuse_reply_poll(fuse_req_t req, unsigned revents) {
  return fuse3::reply_poll(*req, revents);
}

FUSE3_EXPORT int fuse_reply_lseek(fuse_req_t req, off_t off) {
  return fuse3::reply_lseek(*req, off);
}

FUSE3_EXPORT int fuse_reply_statx(fuse_req_t req, int flags, struct statx* statx,
                                  double attr_timeout) {
  return fuse3::reply_statx(*req, flags, *statx, attr_timeout);
}

FUSE3_EXPORT int fuse_reply_ioctl(fuse_req_t req, int result, const void* buf, size_t size) {
  const iovec piece{const_cast<void*>(buf), size};
  return fuse3::reply_ioctl(*req, result, &piece, size > 0 ? 1 : 0);
}

FUSE3_EXPORT int fuse_reply_ioctl_iov(fuse_req_t req, int result, const iovec* iov, int count) {
  return fuse3::reply_ioctl(*req, result, iov, count);
}

FUSE3_EXPORT int fuse_reply_ioctl_retry(fuse_req_t req, const iovec* in_iov, size_t in_count,
                                        const iovec* out_iov, size_t out_count) {
  return fuse3::reply_ioctl_retry(*req, in_iov, in_count, out_iov, out_count);
}

// What the library has hidden takes no room.
static bool concealed(fuse_req_t req, std::string_view name, const fuse_entry_param* entry) {
  return req != nullptr && req->seam != nullptr && req->seam->conceals(*req, name, entry);
}

FUSE3_EXPORT size_t fuse_add_direntry(fuse_req_t req, char* buf, size_t bufsize, const char* name,
                                      const struct stat* stbuf, off_t off) {
  const std::span<std::byte> room(reinterpret_cast<std::byte*>(buf), buf != nullptr ? bufsize : 0);
  const std::string_view text(name);
  if (concealed(req, text, nullptr)) return 0;
  if (room.empty()) return fuse3::wire::dirent_size(text.size());
  return fuse3::wire::append_dirent(room, text, stbuf, off);
}

FUSE3_EXPORT size_t fuse_add_direntry_plus(fuse_req_t req, char* buf, size_t bufsize,
                                           const char* name, const fuse_entry_param* e,
                                           off_t off) {
  const std::span<std::byte> room(reinterpret_cast<std::byte*>(buf), buf != nullptr ? bufsize : 0);
  const std::string_view text(name);
  const size_t size = fuse3::wire::direntplus_size(text.size());
  if (size > room.size()) return size;
  if (concealed(req, text, e)) return 0;
  fuse3::wire::append_direntplus(room, text, *e, off);
  req->seam->note_direntplus(room, *e);
  return size;
}
