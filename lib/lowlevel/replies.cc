#include "lowlevel/replies.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "lowlevel/operation.h"
#include "wire/reply.h"

namespace fuse3 {
namespace {

template <class Body>
int reply_body(fuse_req& req, const Body& body, size_t size = sizeof(Body)) {
  return reply_bytes(req, &body, size);
}

uint32_t minor(const fuse_req& req) { return req.session->negotiated.minor; }

}  // namespace

int reply_bytes(fuse_req& req, const void* bytes, size_t size) {
  const iovec piece{const_cast<void*>(bytes), size};
  return reply(req, {.pieces = &piece, .piece_count = 1});
}

int reply_iov(fuse_req& req, const iovec* pieces, int count) {
  return reply(req, {.pieces = pieces, .piece_count = count});
}

int reply_entry(fuse_req& req, const fuse_entry_param& entry) {
  return reply(req, {.entry = &entry});
}

int reply_create(fuse_req& req, const fuse_entry_param& entry, const fuse_file_info& info) {
  return reply(req, {.entry = &entry, .open = &info});
}

int reply_open(fuse_req& req, const fuse_file_info& info) { return reply(req, {.open = &info}); }

int reply_attr(fuse_req& req, const struct stat& attributes, double timeout) {
  return reply_body(req, wire::make_attr_out(attributes, timeout), wire::attr_out_size(minor(req)));
}

int reply_statx(fuse_req& req, int flags, const struct statx& attributes, double timeout) {
  return reply_body(req, wire::make_statx(attributes, timeout, static_cast<uint32_t>(flags)));
}

int reply_write(fuse_req& req, size_t count) {
  if (req.row->opcode == wire::Opcode::copy_file_range_64) {
    return reply_body(req, wire::make_copy_file_range(count));
  }
  return reply_body(req, wire::make_write(static_cast<uint32_t>(count)));
}

int reply_statfs(fuse_req& req, const struct statvfs& stat) {
  return reply_body(req, wire::make_statfs(stat), wire::statfs_out_size(minor(req)));
}

int reply_xattr_size(fuse_req& req, size_t size) {
  return reply_body(req, wire::make_xattr_size(static_cast<uint32_t>(size)));
}

int reply_lock(fuse_req& req, const struct flock& lock) {
  return reply_body(req, wire::make_lock(lock));
}

int reply_bmap(fuse_req& req, uint64_t block) { return reply_body(req, wire::make_bmap(block)); }

int reply_poll(fuse_req& req, unsigned events) { return reply_body(req, wire::make_poll(events)); }

int reply_lseek(fuse_req& req, off_t offset) {
  return reply_body(req, wire::make_lseek(static_cast<uint64_t>(offset)));
}

int reply_ioctl(fuse_req& req, int result, const iovec* pieces, int count) {
  const wire::IoctlOut out = wire::make_ioctl(result);
  std::unique_ptr<iovec[]> all(new (std::nothrow) iovec[static_cast<size_t>(count) + 1]);
  if (all == nullptr) return reply_error(req, ENOMEM);
  all[0] = {const_cast<wire::IoctlOut*>(&out), sizeof out};
  std::copy_n(pieces, count, all.get() + 1);
  return reply_iov(req, all.get(), count + 1);
}

// Before 7.16 the kernel took the caller's own iovec layout; the oldest that is spoken here that
// also has unrestricted ioctls takes IoctlIovec.
int reply_ioctl_retry(fuse_req& req, const iovec* in, size_t in_count, const iovec* out,
                      size_t out_count) {
  if (in_count + out_count > wire::kIoctlMaxIov) return reply_error(req, E2BIG);
  wire::IoctlIovec regions[wire::kIoctlMaxIov];
  size_t count = 0;
  const auto add = [&](const iovec& region) {
    regions[count++] = {reinterpret_cast<uintptr_t>(region.iov_base), region.iov_len};
  };
  std::for_each(in, in + in_count, add);
  std::for_each(out, out + out_count, add);
  const wire::IoctlOut head = wire::make_ioctl_retry(static_cast<uint32_t>(in_count),
                                                     static_cast<uint32_t>(out_count));
  const iovec pieces[] = {{const_cast<wire::IoctlOut*>(&head), sizeof head},
                          {regions, count * sizeof regions[0]}};
  return reply_iov(req, pieces, 2);
}

}  // namespace fuse3
