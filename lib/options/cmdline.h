// The options every program has that leaves its command line to fuse_parse_cmdline().
#pragma once

#include "fuse_lowlevel.h"

namespace fuse3 {

// Takes known options out of `args`. On failure, after a message to the log, `args` is as it was
// and `opts` holds nothing that would have to be freed.
int parse_cmdline(fuse_args* args, fuse_cmdline_opts* opts);

// The same for programs from before 3.12, whose structure ends before `max_threads`.
int parse_cmdline_30(fuse_args* args, fuse_cmdline_opts* opts);

extern const char kCmdlineHelp[];
// Options of fuse_session_new() that are not about mounting.
extern const char kSessionOptionHelp[];

}  // namespace fuse3
