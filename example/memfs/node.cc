#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 12)

#include "node.h"

#include <ctime>

void Touch(timespec* time) {
  clock_gettime(CLOCK_REALTIME, time);
}

void TouchContents(Node* node) {
  Touch(&node->attributes.st_mtim);
  node->attributes.st_ctim = node->attributes.st_mtim;
}

void SetSize(Node* node, size_t size) {
  node->data.resize(size);
  node->attributes.st_size = static_cast<off_t>(size);
  node->attributes.st_blocks = static_cast<blkcnt_t>((size + 511) / 512);
}

Nodes::Nodes() {
  auto root = std::make_unique<Node>();
  root->attributes.st_ino = FUSE_ROOT_ID;
  root->attributes.st_mode = S_IFDIR | 0755;
  root->attributes.st_nlink = 2;
  root->attributes.st_uid = getuid();
  root->attributes.st_gid = getgid();
  Touch(&root->attributes.st_atim);
  TouchContents(root.get());
  root->parent = FUSE_ROOT_ID;
  nodes_[FUSE_ROOT_ID] = std::move(root);
}

Node* Nodes::Find(fuse_ino_t ino) {
  const auto found = nodes_.find(ino);
  return found == nodes_.end() ? nullptr : found->second.get();
}

fuse_ino_t Nodes::Make(fuse_req_t req, fuse_ino_t parent, mode_t mode, dev_t device) {
  const struct stat& directory = nodes_.at(parent)->attributes;
  auto node = std::make_unique<Node>();
  const fuse_ino_t ino = ++last_;
  struct stat& attributes = node->attributes;
  attributes.st_ino = ino;
  attributes.st_mode = mode;
  attributes.st_rdev = device;
  attributes.st_uid = fuse_req_ctx(req)->uid;
  attributes.st_gid = fuse_req_ctx(req)->gid;
  if ((directory.st_mode & S_ISGID) != 0) {
    attributes.st_gid = directory.st_gid;
    attributes.st_mode |= S_ISDIR(mode) ? S_ISGID : 0;
  }
  attributes.st_nlink = S_ISDIR(mode) ? 1 : 0;  // a directory's own "."
  attributes.st_blksize = 4096;
  Touch(&attributes.st_atim);
  TouchContents(node.get());
  node->parent = parent;
  nodes_[ino] = std::move(node);
  return ino;
}

fuse_ino_t Nodes::Look(const Node& directory, const std::string& name) const {
  const auto found = directory.entries.find(name);
  return found == directory.entries.end() ? 0 : found->second.ino;
}

void Nodes::Link(fuse_ino_t directory, const std::string& name, fuse_ino_t ino) {
  Node& parent = *nodes_.at(directory);
  Node& node = *nodes_.at(ino);
  parent.entries[name] = {ino, ++last_entry_};
  parent.listing[last_entry_] = name;
  node.attributes.st_nlink++;
  if (node.IsDirectory()) {
    parent.attributes.st_nlink++;  // its ".."
    node.parent = directory;
  }
  Touch(&node.attributes.st_ctim);
  TouchContents(&parent);
}

void Nodes::Unlink(fuse_ino_t directory, const std::string& name) {
  Node& parent = *nodes_.at(directory);
  const Node::Entry entry = parent.entries.at(name);
  Node& node = *nodes_.at(entry.ino);
  parent.listing.erase(entry.number);
  parent.entries.erase(name);
  node.attributes.st_nlink--;
  if (node.IsDirectory()) {
    parent.attributes.st_nlink--;
  }
  Touch(&node.attributes.st_ctim);
  TouchContents(&parent);
  FreeIfUnused(entry.ino);
}

void Nodes::Forget(fuse_ino_t ino, uint64_t count) {
  if (ino == FUSE_ROOT_ID) {
    return;
  }
  nodes_.at(ino)->lookups -= count;
  FreeIfUnused(ino);
}

void Nodes::FreeIfUnused(fuse_ino_t ino) {
  const Node& node = *nodes_.at(ino);
  // A directory that has no name is empty, and what is left of its links is its own.
  const bool linked = node.attributes.st_nlink > (node.IsDirectory() ? 1u : 0u);
  if (node.lookups == 0 && !linked) {
    nodes_.erase(ino);
  }
}
