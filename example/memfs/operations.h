// The operations of the memory filesystem. The session's userdata is its Nodes.

#pragma once

#include "node.h"

void AddNameOperations(fuse_lowlevel_ops* operations);
void AddFileOperations(fuse_lowlevel_ops* operations);

inline Nodes& NodesOf(fuse_req_t req) {
  return *static_cast<Nodes*>(fuse_req_userdata(req));
}

// Nothing changes but through the mount, so what the kernel knows stays right.
inline constexpr double kForever = 86400;

// Answers with a node, which the kernel then knows; with the nodes' lock held.
void ReplyNode(fuse_req_t req, Nodes& nodes, fuse_ino_t ino);
fuse_entry_param EntryOf(Nodes& nodes, fuse_ino_t ino);
