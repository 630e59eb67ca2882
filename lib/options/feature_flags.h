// The capability bits of a fuse_conn_info, which exist twice: 64 bits in `want_ext`, and their
// lower half again in `want`, where programs from before 3.17 set them.
#pragma once

#include <cstdint>

#include "fuse_common.h"

namespace fuse3 {

// Wants `flag` when the kernel offers it; says whether it does.
bool set_feature_flag(fuse_conn_info* conn, uint64_t flag);
void unset_feature_flag(fuse_conn_info* conn, uint64_t flag);
// Says whether the kernel offers `flag`.
bool get_feature_flag(const fuse_conn_info* conn, uint64_t flag);

// Call before init(): notes, in the structure itself, what is wanted by default, so that
// convert_wanted() can tell which of the two copies init() changed.
void remember_wanted(fuse_conn_info* conn);

// Call after init(), any number of times: makes both copies agree. -EINVAL when init() changed
// both and neither contains the other's changes; nothing is changed then.
int convert_wanted(fuse_conn_info* conn);

}  // namespace fuse3
