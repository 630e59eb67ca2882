#include "backing.h"

#include "filesystem.h"

#ifdef FUSE_CAP_PASSTHROUGH

int BackingFiles::Join(fuse_req_t req, const Inode* inode, int descriptor) {
  const std::lock_guard lock(mutex_);
  Backing& backing = backings_[inode];
  if (backing.open_files++ == 0) {
    backing.id = fuse_passthrough_open(req, descriptor);
  }
  return backing.id;
}

void BackingFiles::Leave(fuse_req_t req, const Inode* inode) {
  const std::lock_guard lock(mutex_);
  const auto found = backings_.find(inode);
  if (found == backings_.end() || --found->second.open_files > 0) {
    return;
  }
  if (found->second.id > 0) {
    fuse_passthrough_close(req, found->second.id);
  }
  backings_.erase(found);
}

#else

int BackingFiles::Join(fuse_req_t, const Inode*, int) {
  return 0;
}

void BackingFiles::Leave(fuse_req_t, const Inode*) {}

#endif
