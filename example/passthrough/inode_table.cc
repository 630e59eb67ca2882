#include "inode_table.h"

#include <utility>

Inode* InodeTable::Remember(Fd path, FileKey key) {
  Shard& shard = ShardOf(key);
  std::lock_guard lock(shard.mutex);
  // Leaves path alone if the key is there already: the caller's copy is closed on return.
  Inode& inode = shard.inodes.try_emplace(key, std::move(path), key).first->second;
  ++inode.lookups;
  return &inode;
}

void InodeTable::Forget(Inode* inode, uint64_t count) {
  Shard& shard = ShardOf(inode->key);
  decltype(shard.inodes)::node_type gone;  // destroyed, and its descriptor closed, after unlocking
  std::lock_guard lock(shard.mutex);
  inode->lookups -= count;
  if (inode->lookups == 0) {
    gone = shard.inodes.extract(inode->key);
  }
}
