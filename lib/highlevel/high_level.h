// What the exported functions of fuse.h need of struct fuse.
#pragma once

#include "fuse.h"

namespace fuse3 {

// Makes the tree and the session that serves it. `args` holds what fuse_session_new() is to parse
// and nothing else; `top`, the uppermost layer, is owned from here on, also when this fails. Null
// after a message. The filesystem's init() runs at INIT and may change its copy of the
// configuration.
fuse* make_high_level(fuse_args* args, fuse_fs* top, const fuse_config& config);
// Takes hidden files away, tells the filesystem goodbye and frees everything.
void destroy_high_level(fuse* fuse);

fuse_session* session_of(fuse& fuse);
// 0, or -1 after a message.
int mount_high_level(fuse& fuse, const char* mountpoint);
void unmount_high_level(fuse& fuse);

// As fuse_session_loop().
int loop_high_level(fuse& fuse);
int loop_mt_high_level(fuse& fuse, const fuse_loop_config& config);

// Frees what was forgotten as long ago as `remember` says; seconds until there may be more.
int clean_cache(fuse& fuse);
// A thread does so; INIT starts it. Each start wants a stop.
int start_cleaner(fuse& fuse);
void stop_cleaner(fuse& fuse);
void stop_all_cleaning(fuse& fuse);

int invalidate_path(fuse& fuse, const char* path);
int context_groups(int size, gid_t list[]);
bool context_interrupted();

}  // namespace fuse3
