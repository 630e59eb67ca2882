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
static_assert(sizeof(Remembered) <= sizeof(fuse_conn_info::reserved));
static_assert(std::is_trivially_copyable_v<Remembered>);

Remembered remembered(const fuse_conn_info& conn) {
  Remembered result;
  memcpy(&result, conn.reserved, sizeof result);
  return result;
}

constexpr uint32_t lower_half(uint64_t flags) {
  return static_cast<uint32_t>(flags);
}
constexpr uint64_t upper_half(uint64_t flags) {
  return flags & ~uint64_t{UINT32_MAX};
}

constexpr bool contains(uint32_t whole, uint32_t part) {
  return (part & ~whole) == 0;
}

}  // namespace

bool set_feature_flag(fuse_conn_info* conn, uint64_t flag) {
  if (!get_feature_flag(conn, flag)) return false;
  conn->want_ext |= flag;
  conn->want |= lower_half(flag);
  return true;
}

void unset_feature_flag(fuse_conn_info* conn, uint64_t flag) {
  conn->want_ext &= ~flag;
  conn->want &= ~lower_half(flag);
}

bool get_feature_flag(const fuse_conn_info* conn, uint64_t flag) {
  return (conn->capable_ext & flag) != 0;
}

void remember_wanted(fuse_conn_info* conn) {
  const Remembered now = {conn->want_ext, conn->want};
  memcpy(conn->reserved, &now, sizeof now);
}

int convert_wanted(fuse_conn_info* conn) {
  const Remembered before = remembered(*conn);
  const uint32_t changed = conn->want ^ before.want;
  const uint32_t changed_ext = lower_half(conn->want_ext ^ before.want_ext);

  uint32_t lower = lower_half(conn->want_ext);
  if (changed != changed_ext) {
    if (contains(changed, changed_ext)) {
      lower = conn->want;
    } else if (!contains(changed_ext, changed)) {
      log_error("fuse: init() asks for different capabilities in `want' (0x%08" PRIx32
                ") and in `want_ext' (0x%016" PRIx64 "); the defaults were 0x%08" PRIx32
                " and 0x%016" PRIx64 ". Use only one of them, or fuse_set_feature_flag().\n",
                conn->want, conn->want_ext, before.want, before.want_ext);
      return -EINVAL;
    }
  }
  conn->want_ext = upper_half(conn->want_ext) | lower;
  conn->want = lower;
  // What is agreed now is the new starting point: a wrapped init() may be followed by its
  // wrapper's.
  remember_wanted(conn);
  return 0;
}

}  // namespace fuse3
