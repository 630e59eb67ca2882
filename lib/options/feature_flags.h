// The capability bits of a fuse_conn_info, which exist twice: 64 bits in `want_ext`, and their
// lower half again in `want`, where programs from before 3.17 set them. In the library for those
// programs (lib/abi3/) the structure has the latter alone.
#pragma once

#include <cstdint>

#include "fuse_common.h"

namespace fuse3 {

template <class Connection>
concept HasWideFlags = requires(Connection conn) {
  conn.want_ext;
};

template <class Connection>
uint64_t offered(const Connection& conn) {
  if constexpr (HasWideFlags<Connection>) return conn.capable_ext;
  return conn.capable;
}

template <class Connection>
uint64_t wanted(const Connection& conn) {
  if constexpr (HasWideFlags<Connection>) return conn.want_ext;
  return conn.want;
}

inline bool wants(const fuse_conn_info& conn, uint64_t flag) {
  return (wanted(conn) & flag) != 0;
}

// Set both copies.
template <class Connection>
void set_offered(Connection& conn, uint64_t flags) {
  if constexpr (HasWideFlags<Connection>) conn.capable_ext = flags;
  conn.capable = static_cast<uint32_t>(flags);
}

template <class Connection>
void set_wanted(Connection& conn, uint64_t flags) {
  if constexpr (HasWideFlags<Connection>) conn.want_ext = flags;
  conn.want = static_cast<uint32_t>(flags);
}

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
