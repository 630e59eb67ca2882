// Notifications: what the library tells the kernel unasked.
//
// A notice is the header and the fixed body in one piece; where something follows it on the wire
// (said at each), its length is already counted in header.len.
#pragma once

#include <cstddef>
#include <cstdint>

#include "support/ids.h"
#include "wire/opcode.h"
#include "wire/structs_out.h"

namespace fuse3::wire {

template <class Body>
struct Notice {
  OutHeader header;
  Body body;
};

Notice<NotifyPollOut> notify_poll(uint64_t kernel_handle);
// An `offset` below 0 means attributes only; a `length` of 0 or less, to the end.
Notice<NotifyInvalInodeOut> notify_inval_inode(NodeId node, int64_t offset, int64_t length);
// Followed by the name and a NUL. `flags` from inval_entry_flag.
Notice<NotifyInvalEntryOut> notify_inval_entry(NodeId parent, uint32_t name_len, uint32_t flags);
// Followed by the name and a NUL.
Notice<NotifyDeleteOut> notify_delete(NodeId parent, NodeId child, uint32_t name_len);
// Followed by `size` bytes of data.
Notice<NotifyStoreOut> notify_store(NodeId node, uint64_t offset, uint32_t size);
// The kernel answers with NOTIFY_REPLY, whose unique is `notify_unique`.
Notice<NotifyRetrieveOut> notify_retrieve(RequestId notify_unique, NodeId node, uint64_t offset,
                                          uint32_t size);
OutHeader notify_resend();
OutHeader notify_inc_epoch();
// Followed by `count` node ids of 8 bytes.
Notice<NotifyPruneOut> notify_prune(uint32_t count);

}  // namespace fuse3::wire
