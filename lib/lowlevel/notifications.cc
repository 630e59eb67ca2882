#include "lowlevel/notifications.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "options/buf_copy.h"
#include "options/feature_flags.h"
#include "wire/flags.h"
#include "wire/notify.h"

namespace fuse3 {
namespace {

int send(fuse_session& session, const iovec* pieces, int count) {
  const int device = session.device(0);
  if (device < 0) return -ENODEV;
  const auto sent = session.transport->send(device, pieces, count);
  return sent ? 0 : -sent.error();
}

template <class Notice>
int send_notice(fuse_session& session, Notice notice, const void* rest = nullptr,
                size_t rest_size = 0) {
  const iovec pieces[] = {{&notice, sizeof notice}, {const_cast<void*>(rest), rest_size}};
  return send(session, pieces, rest_size > 0 ? 2 : 1);
}

// The name's terminating NUL is part of the message, and callers' names need not have one.
struct Name {
  char text[1025];
  size_t length = 0;
  bool set(const char* name, size_t size) {
    if (size >= sizeof text) return false;
    std::copy_n(name, size, text);
    text[size] = '\0';
    length = size;
    return true;
  }
};

bool spoken_since(const fuse_session& session, uint32_t minor) {
  return session.negotiated.minor >= minor;
}

}  // namespace

int notify_poll(const fuse_pollhandle& handle) {
  return send_notice(*handle.session, wire::notify_poll(handle.kernel_handle));
}

int notify_increment_epoch(fuse_session& session) {
  if (!spoken_since(session, 44)) return -ENOSYS;
  return send_notice(session, wire::notify_inc_epoch());
}

int notify_resend(fuse_session& session) {
  if (!spoken_since(session, 40)) return -ENOSYS;
  return send_notice(session, wire::notify_resend());
}

int notify_inval_inode(fuse_session& session, fuse_ino_t ino, off_t offset, off_t length) {
  const auto node = session.seam->node_to_invalidate(ino);
  if (!node) return -ENOENT;
  return send_notice(session, wire::notify_inval_inode(*node, offset, length));
}

int notify_inval_entry(fuse_session& session, fuse_ino_t parent, const char* name, size_t length,
                       fuse_notify_entry_flags flags) {
  const bool expire = (flags & FUSE_LL_EXPIRE_ONLY) != 0;
  if (expire && !get_feature_flag(&session.connection, FUSE_CAP_EXPIRE_ONLY)) return -ENOSYS;
  const auto node = session.seam->node_to_invalidate(parent);
  if (!node) return -ENOENT;
  Name terminated;
  if (!terminated.set(name, length)) return -ENAMETOOLONG;
  const auto notice =
      wire::notify_inval_entry(*node, static_cast<uint32_t>(length),
                               expire ? wire::inval_entry_flag::expire_only : 0);
  return send_notice(session, notice, terminated.text, length + 1);
}

int notify_delete(fuse_session& session, fuse_ino_t parent, fuse_ino_t child, const char* name,
                  size_t length) {
  if (!spoken_since(session, 18)) return -ENOSYS;
  const auto parent_node = session.seam->node_of(parent);
  const auto child_node = session.seam->node_of(child);
  if (!parent_node || !child_node) return -ENOENT;
  Name terminated;
  if (!terminated.set(name, length)) return -ENAMETOOLONG;
  const auto notice =
      wire::notify_delete(*parent_node, *child_node, static_cast<uint32_t>(length));
  return send_notice(session, notice, terminated.text, length + 1);
}

int notify_store(fuse_session& session, fuse_ino_t ino, off_t offset, fuse_bufvec& data,
                 fuse_buf_copy_flags flags) {
  if (!spoken_since(session, 15)) return -ENOSYS;
  const auto node = session.seam->node_of(ino);
  if (!node) return -ENOENT;
  const size_t size = buf_size(data);
  std::unique_ptr<void, decltype(&std::free)> memory(std::malloc(size > 0 ? size : 1), std::free);
  if (memory == nullptr) return -ENOMEM;
  fuse_bufvec into = FUSE_BUFVEC_INIT(size);
  into.buf[0].mem = memory.get();
  const ssize_t copied = buf_copy(&into, &data, flags);
  if (copied < 0) return static_cast<int>(copied);
  const auto notice = wire::notify_store(*node, static_cast<uint64_t>(offset),
                                         static_cast<uint32_t>(copied));
  return send_notice(session, notice, memory.get(), static_cast<size_t>(copied));
}

int notify_retrieve(fuse_session& session, fuse_ino_t ino, size_t size, off_t offset,
                    void* cookie) {
  if (!spoken_since(session, 15)) return -ENOSYS;
  const auto node = session.seam->node_of(ino);
  if (!node) return -ENOENT;
  const uint64_t unique = session.retrieves.add({ino, cookie});
  const int result =
      send_notice(session, wire::notify_retrieve(RequestId{unique}, *node,
                                                 static_cast<uint64_t>(offset),
                                                 static_cast<uint32_t>(size)));
  if (result != 0) (void)session.retrieves.take(unique);
  return result;
}

}  // namespace fuse3
