#include "options/feature_flags.h"

#include <cerrno>
#include <cinttypes>
#include <cstring>
#include <type_traits>

#include "support/log.h"

namespace fuse3 {
namespace {

// What was wanted before init(), kept in `reserved`: fuse_convert_to_conn_want_ext() is given
// nothing but the structure. All zero, as in a structure that no session made, means that nothing
// was wanted.
struct Remembered {
  uint64_t want_ext;
  uint32_t want;
};
static_assert(std::is_trivially_copyable_v<Remembered>);

constexpr uint32_t lower_half(uint64_t flags) {
  return static_cast<uint32_t>(flags);
}

template <HasWideFlags Connection>
Remembered remembered(const Connection& conn) {
  static_assert(sizeof(Remembered) <= sizeof conn.reserved);
  Remembered result;
  memcpy(&result, conn.reserved, sizeof result);
  return result;
}

template <HasWideFlags Connection>
void remember(Connection& conn) {
  const Remembered now = {conn.want_ext, conn.want};
  memcpy(conn.reserved, &now, sizeof now);
}

template <HasWideFlags Connection>
int convert(Connection& conn) {
  constexpr uint64_t kUpperHalf = ~uint64_t{UINT32_MAX};
  constexpr auto contains = [](uint32_t whole, uint32_t part) { return (part & ~whole) == 0; };
  const Remembered before = remembered(conn);
  const uint32_t changed = conn.want ^ before.want;
  const uint32_t changed_ext = lower_half(conn.want_ext ^ before.want_ext);

  uint32_t lower = lower_half(conn.want_ext);
  if (changed != changed_ext) {
    if (contains(changed, changed_ext)) {
      lower = conn.want;
    } else if (!contains(changed_ext, changed)) {
      log_error("fuse: init() asks for different capabilities in `want' (0x%08" PRIx32
                ") and in `want_ext' (0x%016" PRIx64 "); the defaults were 0x%08" PRIx32
                " and 0x%016" PRIx64 ". Use only one of them, or fuse_set_feature_flag().\n",
                conn.want, conn.want_ext, before.want, before.want_ext);
      return -EINVAL;
    }
  }
  set_wanted(conn, (conn.want_ext & kUpperHalf) | lower);
  // What is agreed now is the new starting point: a wrapped init() may be followed by its
  // wrapper's.
  remember(conn);
  return 0;
}

// Each copy for itself: they may differ until convert().
template <class Connection>
void change(Connection& conn, uint64_t set, uint64_t clear) {
  if constexpr (HasWideFlags<Connection>) conn.want_ext = (conn.want_ext | set) & ~clear;
  conn.want = (conn.want | lower_half(set)) & ~lower_half(clear);
}

// One copy always agrees with itself.
template <class Connection>
void remember(Connection&) {}
template <class Connection>
int convert(Connection&) {
  return 0;
}

}  // namespace

bool set_feature_flag(fuse_conn_info* conn, uint64_t flag) {
  if (!get_feature_flag(conn, flag)) return false;
  change(*conn, flag, 0);
  return true;
}

void unset_feature_flag(fuse_conn_info* conn, uint64_t flag) {
  change(*conn, 0, flag);
}

bool get_feature_flag(const fuse_conn_info* conn, uint64_t flag) {
  return (offered(*conn) & flag) != 0;
}

void remember_wanted(fuse_conn_info* conn) {
  remember(*conn);
}

int convert_wanted(fuse_conn_info* conn) {
  return convert(*conn);
}

}  // namespace fuse3
