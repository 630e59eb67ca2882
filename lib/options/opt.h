// The option parser behind fuse_opt.h, which documents what each function does.
//
// Everything a caller gets back (argument vectors, option lists, "%s" values) comes from malloc(),
// because callers release it with free() or fuse_opt_free_args().
#pragma once

#include "fuse_opt.h"

namespace fuse3 {

// On failure `args` is as it was; what matching options stored in `data` before stays stored.
int opt_parse(fuse_args* args, void* data, const fuse_opt* table, fuse_opt_proc_t proc);
int opt_match(const fuse_opt* table, const char* opt);

int opt_add_opt(char** list, const char* opt);
int opt_add_opt_escaped(char** list, const char* opt);

int opt_add_arg(fuse_args* args, const char* arg);
int opt_insert_arg(fuse_args* args, int position, const char* arg);
void opt_free_args(fuse_args* args);

// An argument vector owned by the library for a while. One that is made from a caller's takes
// nothing from it, so that options can be taken out of it while the caller's stays as it is.
class OwnedArgs {
 public:
  OwnedArgs() = default;
  explicit OwnedArgs(const fuse_args& original) : args_{original.argc, original.argv, 0} {}
  OwnedArgs(const OwnedArgs&) = delete;
  OwnedArgs& operator=(const OwnedArgs&) = delete;
  ~OwnedArgs() { opt_free_args(&args_); }
  fuse_args* get() { return &args_; }
  fuse_args* operator->() { return &args_; }

 private:
  fuse_args args_ = {0, nullptr, 0};
};

}  // namespace fuse3
