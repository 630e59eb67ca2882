// Modules: layers that a user puts on a filesystem with -o modules=M1[:M2...]. A module's name
// leads to a factory: subdir and iconv are the library's own, all others are in shared objects.
#pragma once

#include "fuse.h"

namespace fuse3 {

// The code a layer was made by. It stays loaded until the layer is gone.
class Module;

// Puts the modules of `list` on `bottom`, the first one nearest to it, each of which takes its
// options out of `args`. Returns the top layer. Null after a message; then all layers are gone,
// `bottom` too.
fuse_fs* push_modules(fuse_args* args, fuse_fs* bottom, const char* list);
void release_module(Module* module);

// The options of the library's own modules and of those in `list` (which may be null), to stdout.
void print_module_help(const char* list);

// The library's own.
fuse_fs* make_subdir(fuse_args* args, fuse_fs* next[]);
fuse_fs* make_iconv(fuse_args* args, fuse_fs* next[]);

}  // namespace fuse3
