#include "identity.h"

#include <grp.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "../capabilities.h"
#include "mount/mountinfo.h"
#include "support/log.h"

namespace fuse3::mount_helper {
namespace {

bool raise_all() {
  Capabilities capabilities;
  if (!capabilities.get()) return false;
  for (__user_cap_data_struct& word : capabilities.data) word.effective = word.permitted;
  return capabilities.set();
}

}  // namespace

Result<User> find_user(const std::string& name) {
  errno = 0;
  const passwd* entry = getpwnam(name.c_str());
  const std::optional<unsigned> number = entry ? std::nullopt : to_number(name);
  if (number) entry = getpwuid(*number);
  if (!entry) {
    log_error("mount.fuse3: there is no user \"%s\"\n", name.c_str());
    return Error{ENOENT};
  }
  return User{entry->pw_name, entry->pw_dir, entry->pw_uid, entry->pw_gid};
}

Result<void> become(const User& user, bool keep_capabilities) {
  if (keep_capabilities && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return last_error();
  if (initgroups(user.name.c_str(), user.group) != 0) return last_error();
  if (setresgid(user.group, user.group, user.group) != 0) return last_error();
  if (setresuid(user.user, user.user, user.user) != 0) return last_error();
  if (keep_capabilities && !raise_all()) return last_error();
  return {};
}

Result<void> give_up_everything() {
  // The capability to do this is the last that may go.
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return last_error();
  }
  constexpr unsigned long kBits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                  SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                  SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  if (prctl(PR_SET_SECUREBITS, kBits, 0, 0, 0) != 0) return last_error();
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return last_error();
  Capabilities none;
  if (!none.set()) return last_error();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return last_error();
  return {};
}

}  // namespace fuse3::mount_helper
