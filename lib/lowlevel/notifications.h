// What the library tells the kernel unasked, and what it asks it. 0 or a negative errno each.
#pragma once

#include "lowlevel/poll_handle.h"
#include "session/session.h"

namespace fuse3 {

int notify_poll(const fuse_pollhandle& handle);
int notify_increment_epoch(fuse_session& session);
int notify_resend(fuse_session& session);
int notify_inval_inode(fuse_session& session, fuse_ino_t ino, off_t offset, off_t length);
int notify_inval_entry(fuse_session& session, fuse_ino_t parent, const char* name, size_t length,
                       fuse_notify_entry_flags flags);
int notify_delete(fuse_session& session, fuse_ino_t parent, fuse_ino_t child, const char* name,
                  size_t length);
int notify_store(fuse_session& session, fuse_ino_t ino, off_t offset, fuse_bufvec& data,
                 fuse_buf_copy_flags flags);
int notify_retrieve(fuse_session& session, fuse_ino_t ino, size_t size, off_t offset,
                    void* cookie);

}  // namespace fuse3
