// Flag bits of the protocol, one namespace per field they appear in.
#pragma once

#include <cstdint>

namespace fuse3::wire {

// InitIn and InitOut: the low half travels in `flags`, the high half in `flags2`.
namespace init_flag {
inline constexpr uint64_t bit(unsigned n) {
  return uint64_t{1} << n;
}
inline constexpr uint64_t async_read = bit(0);
inline constexpr uint64_t posix_locks = bit(1);
inline constexpr uint64_t file_ops = bit(2);
inline constexpr uint64_t atomic_o_trunc = bit(3);
inline constexpr uint64_t export_support = bit(4);
inline constexpr uint64_t big_writes = bit(5);
inline constexpr uint64_t dont_mask = bit(6);
inline constexpr uint64_t splice_write = bit(7);
inline constexpr uint64_t splice_move = bit(8);
inline constexpr uint64_t splice_read = bit(9);
inline constexpr uint64_t flock_locks = bit(10);
inline constexpr uint64_t has_ioctl_dir = bit(11);
inline constexpr uint64_t auto_inval_data = bit(12);
inline constexpr uint64_t do_readdirplus = bit(13);
inline constexpr uint64_t readdirplus_auto = bit(14);
inline constexpr uint64_t async_dio = bit(15);
inline constexpr uint64_t writeback_cache = bit(16);
inline constexpr uint64_t no_open_support = bit(17);
inline constexpr uint64_t parallel_dirops = bit(18);
inline constexpr uint64_t handle_killpriv = bit(19);
inline constexpr uint64_t posix_acl = bit(20);
inline constexpr uint64_t abort_error = bit(21);
inline constexpr uint64_t max_pages = bit(22);
inline constexpr uint64_t cache_symlinks = bit(23);
inline constexpr uint64_t no_opendir_support = bit(24);
inline constexpr uint64_t explicit_inval_data = bit(25);
inline constexpr uint64_t map_alignment = bit(26);
inline constexpr uint64_t submounts = bit(27);
inline constexpr uint64_t handle_killpriv_v2 = bit(28);
inline constexpr uint64_t setxattr_ext = bit(29);
inline constexpr uint64_t init_ext = bit(30);  // flags2 is valid
inline constexpr uint64_t security_ctx = bit(32);
inline constexpr uint64_t has_inode_dax = bit(33);
inline constexpr uint64_t create_supp_group = bit(34);
inline constexpr uint64_t has_expire_only = bit(35);
inline constexpr uint64_t direct_io_allow_mmap = bit(36);
inline constexpr uint64_t passthrough = bit(37);
inline constexpr uint64_t no_export_support = bit(38);
inline constexpr uint64_t has_resend = bit(39);
inline constexpr uint64_t allow_idmap = bit(40);
inline constexpr uint64_t over_io_uring = bit(41);
inline constexpr uint64_t request_timeout = bit(42);
// Of a kernel with the series in kernel/: the connection waits for the next server by itself.
inline constexpr uint64_t successor = bit(61);
}  // namespace init_flag

// CuseInitIn and CuseInitOut.
namespace cuse_flag {
inline constexpr uint32_t unrestricted_ioctl = 1u << 0;
}

// SetattrIn::valid
namespace fattr {
inline constexpr uint32_t mode = 1u << 0;
inline constexpr uint32_t uid = 1u << 1;
inline constexpr uint32_t gid = 1u << 2;
inline constexpr uint32_t size = 1u << 3;
inline constexpr uint32_t atime = 1u << 4;
inline constexpr uint32_t mtime = 1u << 5;
inline constexpr uint32_t fh = 1u << 6;
inline constexpr uint32_t atime_now = 1u << 7;
inline constexpr uint32_t mtime_now = 1u << 8;
inline constexpr uint32_t lockowner = 1u << 9;
inline constexpr uint32_t ctime = 1u << 10;
inline constexpr uint32_t kill_suidgid = 1u << 11;
}  // namespace fattr

// OpenIn::open_flags and CreateIn::open_flags
namespace open_request {
inline constexpr uint32_t kill_suidgid = 1u << 0;
}

// OpenOut::open_flags
namespace open_reply {
inline constexpr uint32_t direct_io = 1u << 0;
inline constexpr uint32_t keep_cache = 1u << 1;
inline constexpr uint32_t nonseekable = 1u << 2;
inline constexpr uint32_t cache_dir = 1u << 3;
inline constexpr uint32_t stream = 1u << 4;
inline constexpr uint32_t noflush = 1u << 5;
inline constexpr uint32_t parallel_direct_writes = 1u << 6;
inline constexpr uint32_t passthrough = 1u << 7;
}  // namespace open_reply

namespace release_flag {
inline constexpr uint32_t flush = 1u << 0;
inline constexpr uint32_t flock_unlock = 1u << 1;
}  // namespace release_flag

namespace getattr_flag {
inline constexpr uint32_t fh = 1u << 0;
}

namespace lock_flag {
inline constexpr uint32_t flock = 1u << 0;
}

namespace write_flag {
inline constexpr uint32_t cache = 1u << 0;  // from the page cache: the handle is the kernel's guess
inline constexpr uint32_t lockowner = 1u << 1;
inline constexpr uint32_t kill_suidgid = 1u << 2;
}  // namespace write_flag

namespace read_flag {
inline constexpr uint32_t lockowner = 1u << 1;
}

// IoctlIn::flags and IoctlOut::flags
namespace ioctl_flag {
inline constexpr uint32_t compat = 1u << 0;
inline constexpr uint32_t unrestricted = 1u << 1;
inline constexpr uint32_t retry = 1u << 2;
inline constexpr uint32_t is_32bit = 1u << 3;
inline constexpr uint32_t dir = 1u << 4;
inline constexpr uint32_t compat_x32 = 1u << 5;
}  // namespace ioctl_flag
inline constexpr uint32_t kIoctlMaxIov = 256;  // input and output vectors together

namespace poll_flag {
inline constexpr uint32_t schedule_notify = 1u << 0;
}

namespace fsync_flag {
inline constexpr uint32_t data_only = 1u << 0;
}

// Attr::flags
namespace attr_flag {
inline constexpr uint32_t submount = 1u << 0;
inline constexpr uint32_t dax = 1u << 1;
}  // namespace attr_flag

// SetxattrIn::setxattr_flags
namespace setxattr_flag {
inline constexpr uint32_t acl_kill_sgid = 1u << 0;
}

// NotifyInvalEntryOut::flags
namespace inval_entry_flag {
inline constexpr uint32_t expire_only = 1u << 0;
}

namespace setupmapping_flag {
inline constexpr uint64_t write = uint64_t{1} << 0;
inline constexpr uint64_t read = uint64_t{1} << 1;
}  // namespace setupmapping_flag

// ExtHeader::type: up to the first it counts security contexts.
namespace extension_type {
inline constexpr uint32_t max_security_contexts = 31;
inline constexpr uint32_t supplementary_groups = 32;
}  // namespace extension_type

// The device refuses to be read with less room than this.
inline constexpr uint32_t kMinReadBuffer = 8192;
inline constexpr uint32_t kCuseInitInfoMax = 4096;

}  // namespace fuse3::wire
