#include "privileges.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "../capabilities.h"

namespace fuse3::fusermount {
namespace {

constexpr unsigned kMountBit = 1U << CAP_SYS_ADMIN;

bool keep_only_mounting() {
  Capabilities capabilities;
  if (!capabilities.get()) return false;
  const unsigned permitted = capabilities.data[0].permitted & kMountBit;
  capabilities.data[0] = {0, permitted, 0};
  capabilities.data[1] = {0, 0, 0};
  return capabilities.set();
}

bool put_into_effect(bool raised) {
  Capabilities capabilities;
  if (!capabilities.get()) return false;
  capabilities.data[0].effective = raised ? capabilities.data[0].permitted : 0;
  return capabilities.set();
}

}  // namespace

Caller caller() {
  return {getuid(), getgid()};
}

Result<void> give_up_privileges() {
  const Caller self = caller();
  if (self.root()) return {};
  // Without this the kernel would clear the permitted set together with the last id of root's.
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return last_error();
  if (setresgid(self.group, self.group, self.group) != 0) return last_error();
  if (setresuid(self.user, self.user, self.user) != 0) return last_error();
  if (!keep_only_mounting()) return last_error();
  if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) return last_error();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return last_error();
  return {};
}

Raised::Raised() {
  if (!caller().root()) put_into_effect(true);
}

Raised::~Raised() {
  // Going on with more rights than meant is worse than ending here.
  if (!caller().root() && !put_into_effect(false)) abort();
}

}  // namespace fuse3::fusermount
