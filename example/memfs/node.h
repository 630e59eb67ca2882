// Files of the memory filesystem, and the table that holds them.

#pragma once

#include <fuse_lowlevel.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

struct Node {
  struct stat attributes {};
  std::string data;  // of a file, or what a symbolic link says
  std::map<std::string, std::string> xattrs;

  // Of a directory. Entries have numbers that grow, in which order they are listed: wherever a
  // listing was left, it goes on with what comes after.
  struct Entry {
    fuse_ino_t ino;
    uint64_t number;
  };
  std::map<std::string, Entry> entries;
  std::map<uint64_t, std::string> listing;
  fuse_ino_t parent = 0;

  uint64_t lookups = 0;  // by the kernel; the node lives until they and its links are gone

  bool IsDirectory() const { return S_ISDIR(attributes.st_mode); }
};

// All nodes, and the lock under which they are used. Numbers are never used twice.
class Nodes {
 public:
  Nodes();

  std::mutex lock;

  // Null when there is none; the kernel asks for those only that it has looked up.
  Node* Find(fuse_ino_t ino);
  // With no name yet. As the caller of the request makes it, in a directory.
  fuse_ino_t Make(fuse_req_t req, fuse_ino_t parent, mode_t mode, dev_t device);

  // The node a directory has by that name, or 0.
  fuse_ino_t Look(const Node& directory, const std::string& name) const;
  void Link(fuse_ino_t directory, const std::string& name, fuse_ino_t ino);
  void Unlink(fuse_ino_t directory, const std::string& name);

  void AddLookup(fuse_ino_t ino) { nodes_.at(ino)->lookups++; }
  void Forget(fuse_ino_t ino, uint64_t count);

 private:
  void FreeIfUnused(fuse_ino_t ino);

  std::unordered_map<fuse_ino_t, std::unique_ptr<Node>> nodes_;
  fuse_ino_t last_ = FUSE_ROOT_ID;
  uint64_t last_entry_ = 2;  // 1 and 2 are "." and ".."
};

void Touch(timespec* time);
// What holds for a change of a node's contents.
void TouchContents(Node* node);
void SetSize(Node* node, size_t size);
