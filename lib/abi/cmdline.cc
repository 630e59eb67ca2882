// Command lines: what a user may say, what a connection is set to, and the help about both
#include <cstdio>

#include "abi/export.h"
#include "lowlevel/help.h"
#include "options/cmdline.h"
#include "options/conn_info_opts.h"
#include "options/feature_flags.h"

FUSE3_EXPORT_ALSO(fuse_parse_cmdline_312, "fuse_parse_cmdline@@FUSE_3.12")
int fuse_parse_cmdline_312(fuse_args* args, fuse_cmdline_opts* opts) {
  return fuse3::parse_cmdline(args, opts);
}

FUSE3_EXPORT_ALSO(fuse_parse_cmdline_30, "fuse_parse_cmdline@FUSE_3.0")
int fuse_parse_cmdline_30(fuse_args* args, fuse_cmdline_opts* opts) {
  return fuse3::parse_cmdline_30(args, opts);
}

FUSE3_EXPORT void fuse_cmdline_help() {
  fputs(fuse3::kCmdlineHelp, stdout);
}

FUSE3_EXPORT void fuse_lowlevel_help() {
  fuse3::print_low_level_help();
}

FUSE3_EXPORT void fuse_lowlevel_version() {
  fuse3::print_low_level_version();
}

FUSE3_EXPORT fuse_conn_info_opts* fuse_parse_conn_info_opts(fuse_args* args) {
  return fuse3::parse_conn_info_opts(args);
}

FUSE3_EXPORT void fuse_apply_conn_info_opts(fuse_conn_info_opts* opts, fuse_conn_info* conn) {
  fuse3::apply_conn_info_opts(opts, conn);
}

FUSE3_EXPORT bool fuse_set_feature_flag(fuse_conn_info* conn, uint64_t flag) {
  return fuse3::set_feature_flag(conn, flag);
}

FUSE3_EXPORT void fuse_unset_feature_flag(fuse_conn_info* conn, uint64_t flag) {
  fuse3::unset_feature_flag(conn, flag);
}

FUSE3_EXPORT bool fuse_get_feature_flag(fuse_conn_info* conn, uint64_t flag) {
  return fuse3::get_feature_flag(conn, flag);
}

FUSE3_EXPORT int fuse_convert_to_conn_want_ext(fuse_conn_info* conn) {
  return fuse3::convert_wanted(conn);
}
