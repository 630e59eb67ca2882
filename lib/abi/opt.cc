// fuse_opt.h
#include "options/opt.h"
#include "abi/export.h"

FUSE3_EXPORT int fuse_opt_parse(fuse_args* args, void* data, const fuse_opt opts[],
                                fuse_opt_proc_t proc) {
  return fuse3::opt_parse(args, data, opts, proc);
}

FUSE3_EXPORT int fuse_opt_add_opt(char** opts, const char* opt) {
  return fuse3::opt_add_opt(opts, opt);
}

FUSE3_EXPORT int fuse_opt_add_opt_escaped(char** opts, const char* opt) {
  return fuse3::opt_add_opt_escaped(opts, opt);
}

FUSE3_EXPORT int fuse_opt_add_arg(fuse_args* args, const char* arg) {
  return fuse3::opt_add_arg(args, arg);
}

FUSE3_EXPORT int fuse_opt_insert_arg(fuse_args* args, int pos, const char* arg) {
  return fuse3::opt_insert_arg(args, pos, arg);
}

FUSE3_EXPORT void fuse_opt_free_args(fuse_args* args) {
  fuse3::opt_free_args(args);
}

FUSE3_EXPORT int fuse_opt_match(const fuse_opt opts[], const char* opt) {
  return fuse3::opt_match(opts, opt);
}
