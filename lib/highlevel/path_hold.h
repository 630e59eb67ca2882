// The paths that one operation works on. While it has them, nothing on them is moved or removed,
// and what the operation itself is about to move or remove is used by nobody else.
//
// What is in the way is waited for with nothing held, so no two operations wait for each other.
// Every take...() answers 0 or a negative errno, with nothing held then.
#pragma once

#include <string>
#include <string_view>

#include "highlevel/path_text.h"
#include "highlevel/tree.h"

namespace fuse3 {

class PathHold {
 public:
  explicit PathHold(Tree& tree) : tree_(tree) {}
  ~PathHold() { release(); }
  PathHold(const PathHold&) = delete;
  PathHold& operator=(const PathHold&) = delete;

  // The path of a node. ENOENT: it has none any more. ESTALE: there is no such node.
  int take(uint64_t node);
  // The path of a name in a directory, whether there is something or not.
  int take(uint64_t parent, std::string_view name);
  // A node, and a name that it is to get as well; or two nodes (with an empty name).
  int take_two(uint64_t node, uint64_t other, std::string_view name);
  // A name that is to be removed: victim(0) is its node, if the tree has one.
  int take_to_remove(uint64_t parent, std::string_view name);
  // Two names of which one is to become the other: victim(0), victim(1).
  int take_to_rename(uint64_t parent, std::string_view name, uint64_t new_parent,
                     std::string_view new_name);
  // Gives everything back. The text of the paths stays, whether or not it is true any longer.
  void release();

  const char* path(size_t i = 0) const { return ends_[i].text.c_str(); }
  // The path's node or, if it was asked for by name, the name's parent.
  Node& node(size_t i = 0) const { return *ends_[i].node; }
  Node* victim(size_t i = 0) const { return ends_[i].victim; }

 private:
  struct End {
    Node* node = nullptr;
    std::string_view name;
    bool removes = false;
    bool climbed = false;
    Node* victim = nullptr;  // with a hold and owned
    PathText text;
  };
  // What an attempt has met: nothing, an error, or a node whose place cannot be had now.
  struct Obstacle {
    int error = 0;
    Node* node = nullptr;
    bool to_own = false;  // the node has a hold then
  };

  int take_all(size_t count);
  int set_end(size_t i, uint64_t node, std::string_view name, bool removes);
  Obstacle attempt(size_t count, PlaceLock::Manner manner);
  Obstacle climb(End& end, PlaceLock::Manner manner);
  Obstacle own_victim(End& end);
  bool leads_through(const End& end, const Node& node) const;
  void unshare(Node* from, const Node* until);

  Tree& tree_;
  End ends_[2];
};

}  // namespace fuse3
