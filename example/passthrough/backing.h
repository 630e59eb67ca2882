// Reads, writes and mappings that the kernel does on the files behind by itself, without asking.
//
// The kernel wants one number for all open files of one inode, so the first one that is opened
// registers its descriptor and the last one that is released gives the number back.

#pragma once

#include <mutex>
#include <unordered_map>

#include "inode_table.h"

typedef struct fuse_req* fuse_req_t;

class BackingFiles {
 public:
  // The inode is about to be open once more, on the descriptor. The number to join it with, or 0
  // where the kernel takes none; then no other open file of the inode has one either.
  int Join(fuse_req_t req, const Inode* inode, int descriptor);

  // One that Join() was called for is open no longer.
  void Leave(fuse_req_t req, const Inode* inode);

 private:
  struct Backing {
    int id = 0;
    unsigned open_files = 0;
  };

  std::mutex mutex_;
  std::unordered_map<const Inode*, Backing> backings_;
};
