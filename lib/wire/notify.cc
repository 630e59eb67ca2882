#include "wire/notify.h"

namespace fuse3::wire {

namespace {

// `more` bytes follow the body.
template <class Body>
Notice<Body> make_notice(NotifyCode code, const Body& body, size_t more = 0) {
  static_assert(sizeof(Notice<Body>) == sizeof(OutHeader) + sizeof(Body));
  auto len = static_cast<uint32_t>(sizeof(Notice<Body>) + more);
  return {OutHeader{.len = len, .error = static_cast<int32_t>(code), .unique = 0}, body};
}

OutHeader bare_notice(NotifyCode code) {
  return OutHeader{.len = sizeof(OutHeader), .error = static_cast<int32_t>(code), .unique = 0};
}

}  // namespace

Notice<NotifyPollOut> notify_poll(uint64_t kernel_handle) {
  return make_notice(NotifyCode::poll, NotifyPollOut{.kh = kernel_handle});
}

Notice<NotifyInvalInodeOut> notify_inval_inode(NodeId node, int64_t offset, int64_t length) {
  return make_notice(NotifyCode::inval_inode,
                     NotifyInvalInodeOut{.ino = node.value, .off = offset, .len = length});
}

Notice<NotifyInvalEntryOut> notify_inval_entry(NodeId parent, uint32_t name_len, uint32_t flags) {
  NotifyInvalEntryOut body{.parent = parent.value, .namelen = name_len, .flags = flags};
  return make_notice(NotifyCode::inval_entry, body, size_t{name_len} + 1);
}

Notice<NotifyDeleteOut> notify_delete(NodeId parent, NodeId child, uint32_t name_len) {
  NotifyDeleteOut body{
      .parent = parent.value, .child = child.value, .namelen = name_len, .padding = 0};
  return make_notice(NotifyCode::delete_entry, body, size_t{name_len} + 1);
}

Notice<NotifyStoreOut> notify_store(NodeId node, uint64_t offset, uint32_t size) {
  NotifyStoreOut body{.nodeid = node.value, .offset = offset, .size = size, .padding = 0};
  return make_notice(NotifyCode::store, body, size);
}

Notice<NotifyRetrieveOut> notify_retrieve(RequestId notify_unique, NodeId node, uint64_t offset,
                                          uint32_t size) {
  NotifyRetrieveOut body{.notify_unique = notify_unique.value,
                         .nodeid = node.value,
                         .offset = offset,
                         .size = size,
                         .padding = 0};
  return make_notice(NotifyCode::retrieve, body);
}

OutHeader notify_resend() {
  return bare_notice(NotifyCode::resend);
}

OutHeader notify_inc_epoch() {
  return bare_notice(NotifyCode::inc_epoch);
}

Notice<NotifyPruneOut> notify_prune(uint32_t count) {
  NotifyPruneOut body{.count = count, .padding = 0, .spare = 0};
  return make_notice(NotifyCode::prune, body, size_t{count} * sizeof(uint64_t));
}

}  // namespace fuse3::wire
