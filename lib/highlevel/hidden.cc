#include "highlevel/hidden.h"

#include <cstdio>
#include <string>

namespace fuse3 {
namespace {

constexpr int kMostAttempts = 64;

std::string directory_of(const char* path) {
  const std::string_view text(path);
  return std::string(text.substr(0, text.rfind('/') + 1));
}

// A name in the same directory that neither the tree nor the filesystem knows. Empty: there is
// none.
std::string unused_name(Call& call, const PathHold& path, size_t i, const Node& node) {
  const std::string directory = directory_of(path.path(i));
  for (int n = 0; n < kMostAttempts; ++n) {
    char name[32];
    const uint32_t number = call.owner.hidden_names.fetch_add(1, std::memory_order_relaxed) + 1;
    std::snprintf(name, sizeof name, ".fuse_hidden%08x%08x", node.index, number);
    if (Node* known = call.tree.hold_child(path.node(i), name)) {
      call.tree.release(*known);
      continue;
    }
    struct stat attributes {};
    if (layer::getattr(call.fs, (directory + name).c_str(), &attributes, nullptr) == -ENOENT) {
      return name;
    }
  }
  return {};
}

// The node's place is owned: nobody can open it any more, but somebody may have closed it
// meanwhile.
void remove_owned(Tree& tree, fuse_fs& fs, Node& node, const char* path) {
  const bool wanted = tree.with(node, [&] { return node.hidden && node.opens == 0; });
  if (wanted && layer::unlink(fs, path) == 0) tree.detach(node);
}

}  // namespace

// With reconnect on, the state knows of the hidden name before the file has it: wherever the server
// dies, its successor finds the file under one of the two.
int hide(Call& call, PathHold& path, size_t i, std::string_view name, std::string* hidden_path) {
  Node& node = *path.victim(i);
  const std::string hidden = unused_name(call, path, i, node);
  if (hidden.empty()) return -EBUSY;
  *hidden_path = directory_of(path.path(i)) + hidden;
  if (const int error = call.req.seam->hiding(call.req, name, hidden); error != 0) return error;
  int error = layer::rename(call.fs, path.path(i), hidden_path->c_str(), 0);
  if (error == 0) {
    const auto moved = call.tree.move(&node, path.node(i), hidden, nullptr, true);
    if (!moved) error = -moved.error();
  }
  if (error != 0) {
    call.req.seam->not_hidden(call.req, hidden);
    return error;
  }
  remove_owned(call.tree, call.fs, node, hidden_path->c_str());
  return 0;
}

void unhide(Call& call, PathHold& path, size_t i, std::string_view name,
            const std::string& hidden_path) {
  Node& node = *path.victim(i);
  if (!call.tree.with(node, [&] { return node.hidden; })) return;
  if (layer::rename(call.fs, hidden_path.c_str(), path.path(i), 0) != 0) return;
  (void)call.tree.move(&node, path.node(i), name, nullptr);
  const size_t directory = hidden_path.rfind('/') + 1;
  call.req.seam->not_hidden(call.req, std::string_view(hidden_path).substr(directory));
}

void remove_hidden(fuse& owner, Node& node) {
  Tree& tree = owner.tree;
  uint64_t parent = 0;
  std::string name;
  tree.with(node, [&] {
    if (node.parent == nullptr) return;
    parent = node.parent->index;
    name = node.name();
  });
  if (parent != 0) {
    PathHold path(tree);
    if (path.take_to_remove(parent, name) == 0 && path.victim() == &node) {
      remove_owned(tree, *owner.top, node, path.path());
    }
  }
  tree.release(node);
}

}  // namespace fuse3
