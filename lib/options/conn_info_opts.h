// Connection settings that a user may give on the command line, see fuse_parse_conn_info_opts().
#pragma once

#include "fuse_common.h"

namespace fuse3 {

// The result is for the caller to free(). Null after a message to the log, `args` being unchanged.
fuse_conn_info_opts* parse_conn_info_opts(fuse_args* args);
void apply_conn_info_opts(const fuse_conn_info_opts* opts, fuse_conn_info* conn);

}  // namespace fuse3
