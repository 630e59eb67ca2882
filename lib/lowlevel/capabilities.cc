#include "lowlevel/capabilities.h"

#include "wire/flags.h"

namespace fuse3 {
namespace {

namespace flag = wire::init_flag;

struct Capability {
  uint64_t bit;
  uint64_t init_flag;  // 0: the library's own
  const char* name;
};

#define FUSE3_CAPABILITY(name, init_flag) {FUSE_CAP_##name, init_flag, "FUSE_CAP_" #name}
constexpr Capability kCapabilities[] = {
    FUSE3_CAPABILITY(ASYNC_READ, flag::async_read),
    FUSE3_CAPABILITY(POSIX_LOCKS, flag::posix_locks),
    FUSE3_CAPABILITY(ATOMIC_O_TRUNC, flag::atomic_o_trunc),
    FUSE3_CAPABILITY(EXPORT_SUPPORT, flag::export_support),
    FUSE3_CAPABILITY(DONT_MASK, flag::dont_mask),
    FUSE3_CAPABILITY(SPLICE_WRITE, 0),
    FUSE3_CAPABILITY(SPLICE_MOVE, 0),
    FUSE3_CAPABILITY(SPLICE_READ, 0),
    FUSE3_CAPABILITY(FLOCK_LOCKS, flag::flock_locks),
    FUSE3_CAPABILITY(IOCTL_DIR, flag::has_ioctl_dir),
    FUSE3_CAPABILITY(AUTO_INVAL_DATA, flag::auto_inval_data),
    FUSE3_CAPABILITY(READDIRPLUS, flag::do_readdirplus),
    FUSE3_CAPABILITY(READDIRPLUS_AUTO, flag::readdirplus_auto),
    FUSE3_CAPABILITY(ASYNC_DIO, flag::async_dio),
    FUSE3_CAPABILITY(WRITEBACK_CACHE, flag::writeback_cache),
    FUSE3_CAPABILITY(NO_OPEN_SUPPORT, flag::no_open_support),
    FUSE3_CAPABILITY(PARALLEL_DIROPS, flag::parallel_dirops),
    FUSE3_CAPABILITY(POSIX_ACL, flag::posix_acl),
    FUSE3_CAPABILITY(HANDLE_KILLPRIV, flag::handle_killpriv),
    FUSE3_CAPABILITY(HANDLE_KILLPRIV_V2, flag::handle_killpriv_v2),
    FUSE3_CAPABILITY(CACHE_SYMLINKS, flag::cache_symlinks),
    FUSE3_CAPABILITY(NO_OPENDIR_SUPPORT, flag::no_opendir_support),
    FUSE3_CAPABILITY(EXPLICIT_INVAL_DATA, flag::explicit_inval_data),
    FUSE3_CAPABILITY(EXPIRE_ONLY, flag::has_expire_only),
    FUSE3_CAPABILITY(SETXATTR_EXT, flag::setxattr_ext),
    FUSE3_CAPABILITY(DIRECT_IO_ALLOW_MMAP, flag::direct_io_allow_mmap),
    FUSE3_CAPABILITY(PASSTHROUGH, flag::passthrough),
    FUSE3_CAPABILITY(NO_EXPORT_SUPPORT, flag::no_export_support),
};
#undef FUSE3_CAPABILITY

}  // namespace

uint64_t capabilities_of(uint64_t init_flags) {
  uint64_t result = 0;
  for (const Capability& capability : kCapabilities) {
    if ((init_flags & capability.init_flag) != 0) result |= capability.bit;
  }
  return result;
}

uint64_t init_flags_of(uint64_t capabilities) {
  uint64_t result = 0;
  for (const Capability& capability : kCapabilities) {
    if ((capabilities & capability.bit) != 0) result |= capability.init_flag;
  }
  return result;
}

uint64_t library_capabilities() {
  return FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE;
}

uint64_t default_wants(const fuse_lowlevel_ops& ops, uint64_t capable) {
  uint64_t wants = FUSE_CAP_ASYNC_READ | FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_ASYNC_DIO |
                   FUSE_CAP_IOCTL_DIR | FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_PARALLEL_DIROPS |
                   FUSE_CAP_HANDLE_KILLPRIV;
  if (ops.write_buf != nullptr) wants |= FUSE_CAP_SPLICE_READ;
  if (ops.getlk != nullptr && ops.setlk != nullptr) wants |= FUSE_CAP_POSIX_LOCKS;
  if (ops.flock != nullptr) wants |= FUSE_CAP_FLOCK_LOCKS;
  if (ops.readdirplus != nullptr) {
    wants |= FUSE_CAP_READDIRPLUS;
    if (ops.readdir != nullptr) wants |= FUSE_CAP_READDIRPLUS_AUTO;
  }
  return wants & capable;
}

std::string capability_names(uint64_t capabilities) {
  std::string names;
  for (const Capability& capability : kCapabilities) {
    if ((capabilities & capability.bit) == 0) continue;
    if (!names.empty()) names += ", ";
    names += capability.name;
    capabilities &= ~capability.bit;
  }
  if (capabilities != 0) {
    if (!names.empty()) names += ", ";
    names += "unknown bits " + std::to_string(capabilities);
  }
  return names;
}

}  // namespace fuse3
