// A module that calls files by other names than the layer below does: the operations that all such
// modules have in common. Everything else about a call passes through.
#pragma once

#include <string>

#include "highlevel/fuse_fs.h"

namespace fuse3 {

class PathModule {
 public:
  explicit PathModule(fuse_fs* next) : next_(next) {}
  virtual ~PathModule() = default;
  PathModule(const PathModule&) = delete;
  PathModule& operator=(const PathModule&) = delete;

  fuse_fs& next() const { return *next_; }

  // Each returns 0 or a negative errno.

  // What the layer below calls the file `path`.
  virtual int path_below(const char* path, std::string* below) = 0;
  // What the text of a link becomes on its way up, the link being `path` up here.
  virtual int link_above(const char* path, std::string* text);
  // What the text of a link becomes on its way down.
  virtual int link_below(std::string* text);
  // What an entry of a directory is called up here.
  virtual int name_above(std::string* name);

 private:
  fuse_fs* next_;
};

// A layer of the module's, with those operations that the layer below has; owns the module, and
// with it the layer below. Null after a message; then the module is gone and the layer below is
// not.
fuse_fs* new_path_layer(PathModule* module);

}  // namespace fuse3
