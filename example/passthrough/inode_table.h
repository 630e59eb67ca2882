// The files the kernel knows, each once, with how often the kernel was told of it.
//
// The kernel names a file by a number of the filesystem's choice; here that is the address of its
// Inode. The address stays valid for as long as the kernel may use it, because an Inode goes away
// only when as many lookups were forgotten as were counted.

#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "fd.h"

struct FileKey {
  dev_t device = 0;
  ino_t number = 0;
  bool operator==(const FileKey&) const = default;
};

struct Inode {
  Inode(Fd handle, FileKey file_key) : path(std::move(handle)), key(file_key) {}

  // Opened with O_PATH. While it is open the file's number cannot be given to another file, so the
  // key means this file even after its last name is gone.
  const Fd path;
  const FileKey key;
  uint64_t lookups = 0;  // guarded by its shard's mutex
};

// Safe for use by many threads at once. Threads meet only when their files fall into one shard.
class InodeTable {
 public:
  // Counts one lookup of the file that path is open on. path is dropped if the file is known.
  Inode* Remember(Fd path, FileKey key);

  // Takes back count lookups; after the last one the inode is gone.
  void Forget(Inode* inode, uint64_t count);

 private:
  struct Hash {
    size_t operator()(const FileKey& key) const {
      return (key.number ^ (key.device << 32)) * 0x9e3779b97f4a7c15u;
    }
  };
  // One cache line apart, so that two shards' locks do not slow each other down.
  struct alignas(64) Shard {
    std::mutex mutex;
    std::unordered_map<FileKey, Inode, Hash> inodes;
  };

  Shard& ShardOf(const FileKey& key) { return shards_[Hash{}(key) >> 58]; }

  std::array<Shard, 64> shards_;
};
