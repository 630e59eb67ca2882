/* The sizes, offsets and values that programs compiled against libfuse 3.18 rely on, on x86_64.
 *
 * What the compiler can tell is asserted while compiling; where a bit-field lies is looked at when
 * running. Built at several FUSE_USE_VERSIONs, none of which may change a layout. */
#include <assert.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "fuse.h"
#include "fuse_lowlevel.h"
#include "fuse_reconnect.h"

#if !defined(__x86_64__) || !defined(__LP64__)
int main(void) {
  printf("SKIP: the figures are those of x86_64\n");
  return 77;
}
#else

#define SIZE(type, size) static_assert(sizeof(struct type) == (size), "size of " #type)
#define FIELD(type, field, offset, size)                                                  \
  static_assert(offsetof(struct type, field) == (offset), "offset of " #type "." #field); \
  static_assert(sizeof(((struct type*)0)->field) == (size), "size of " #type "." #field)
#define VALUE(name, value) static_assert((name) == (value), "value of " #name)
#define BIT(name, number) static_assert((name) == (1ULL << (number)), "value of " #name)

#if FUSE_USE_VERSION < 312
#define fuse_loop_config_v1 fuse_loop_config
#endif

SIZE(fuse_opt, 24);
FIELD(fuse_opt, templ, 0, 8);
FIELD(fuse_opt, offset, 8, 8);
FIELD(fuse_opt, value, 16, 4);

SIZE(fuse_args, 24);
FIELD(fuse_args, argc, 0, 4);
FIELD(fuse_args, argv, 8, 8);
FIELD(fuse_args, allocated, 16, 4);

SIZE(libfuse_version, 16);
FIELD(libfuse_version, major, 0, 4);
FIELD(libfuse_version, minor, 4, 4);
FIELD(libfuse_version, hotfix, 8, 4);
FIELD(libfuse_version, padding, 12, 4);

SIZE(fuse_file_info, 64);
FIELD(fuse_file_info, flags, 0, 4);
FIELD(fuse_file_info, fh, 16, 8);
FIELD(fuse_file_info, lock_owner, 24, 8);
FIELD(fuse_file_info, poll_events, 32, 4);
FIELD(fuse_file_info, backing_id, 36, 4);
FIELD(fuse_file_info, compat_flags, 40, 8);
FIELD(fuse_file_info, reserved, 48, 16);

SIZE(fuse_loop_config_v1, 8);
FIELD(fuse_loop_config_v1, clone_fd, 0, 4);
FIELD(fuse_loop_config_v1, max_idle_threads, 4, 4);

SIZE(fuse_conn_info, 128);
FIELD(fuse_conn_info, proto_major, 0, 4);
FIELD(fuse_conn_info, proto_minor, 4, 4);
FIELD(fuse_conn_info, max_write, 8, 4);
FIELD(fuse_conn_info, max_read, 12, 4);
FIELD(fuse_conn_info, max_readahead, 16, 4);
FIELD(fuse_conn_info, capable, 20, 4);
FIELD(fuse_conn_info, want, 24, 4);
FIELD(fuse_conn_info, max_background, 28, 4);
FIELD(fuse_conn_info, congestion_threshold, 32, 4);
FIELD(fuse_conn_info, time_gran, 36, 4);
FIELD(fuse_conn_info, max_backing_stack_depth, 40, 4);
FIELD(fuse_conn_info, capable_ext, 48, 8);
FIELD(fuse_conn_info, want_ext, 56, 8);
FIELD(fuse_conn_info, request_timeout, 64, 2);
FIELD(fuse_conn_info, reserved, 66, 62);

SIZE(fuse_buf, 48);
FIELD(fuse_buf, size, 0, 8);
FIELD(fuse_buf, flags, 8, 4);
FIELD(fuse_buf, mem, 16, 8);
FIELD(fuse_buf, fd, 24, 4);
FIELD(fuse_buf, pos, 32, 8);
FIELD(fuse_buf, mem_size, 40, 8);

SIZE(fuse_bufvec, 72);
FIELD(fuse_bufvec, count, 0, 8);
FIELD(fuse_bufvec, idx, 8, 8);
FIELD(fuse_bufvec, off, 16, 8);
FIELD(fuse_bufvec, buf, 24, 48);

SIZE(fuse_entry_param, 176);
FIELD(fuse_entry_param, ino, 0, 8);
FIELD(fuse_entry_param, generation, 8, 8);
FIELD(fuse_entry_param, attr, 16, 144);
FIELD(fuse_entry_param, attr_timeout, 160, 8);
FIELD(fuse_entry_param, entry_timeout, 168, 8);

SIZE(fuse_ctx, 16);
FIELD(fuse_ctx, uid, 0, 4);
FIELD(fuse_ctx, gid, 4, 4);
FIELD(fuse_ctx, pid, 8, 4);
FIELD(fuse_ctx, umask, 12, 4);

SIZE(fuse_forget_data, 16);
FIELD(fuse_forget_data, ino, 0, 8);
FIELD(fuse_forget_data, nlookup, 8, 8);

SIZE(fuse_custom_io, 40);
FIELD(fuse_custom_io, writev, 0, 8);
FIELD(fuse_custom_io, read, 8, 8);
FIELD(fuse_custom_io, splice_receive, 16, 8);
FIELD(fuse_custom_io, splice_send, 24, 8);
FIELD(fuse_custom_io, clone_fd, 32, 8);

SIZE(fuse_lowlevel_ops, 368);
FIELD(fuse_lowlevel_ops, init, 0, 8);
FIELD(fuse_lowlevel_ops, destroy, 8, 8);
FIELD(fuse_lowlevel_ops, lookup, 16, 8);
FIELD(fuse_lowlevel_ops, forget, 24, 8);
FIELD(fuse_lowlevel_ops, getattr, 32, 8);
FIELD(fuse_lowlevel_ops, setattr, 40, 8);
FIELD(fuse_lowlevel_ops, readlink, 48, 8);
FIELD(fuse_lowlevel_ops, mknod, 56, 8);
FIELD(fuse_lowlevel_ops, mkdir, 64, 8);
FIELD(fuse_lowlevel_ops, unlink, 72, 8);
FIELD(fuse_lowlevel_ops, rmdir, 80, 8);
FIELD(fuse_lowlevel_ops, symlink, 88, 8);
FIELD(fuse_lowlevel_ops, rename, 96, 8);
FIELD(fuse_lowlevel_ops, link, 104, 8);
FIELD(fuse_lowlevel_ops, open, 112, 8);
FIELD(fuse_lowlevel_ops, read, 120, 8);
FIELD(fuse_lowlevel_ops, write, 128, 8);
FIELD(fuse_lowlevel_ops, flush, 136, 8);
FIELD(fuse_lowlevel_ops, release, 144, 8);
FIELD(fuse_lowlevel_ops, fsync, 152, 8);
FIELD(fuse_lowlevel_ops, opendir, 160, 8);
FIELD(fuse_lowlevel_ops, readdir, 168, 8);
FIELD(fuse_lowlevel_ops, releasedir, 176, 8);
FIELD(fuse_lowlevel_ops, fsyncdir, 184, 8);
FIELD(fuse_lowlevel_ops, statfs, 192, 8);
FIELD(fuse_lowlevel_ops, setxattr, 200, 8);
FIELD(fuse_lowlevel_ops, getxattr, 208, 8);
FIELD(fuse_lowlevel_ops, listxattr, 216, 8);
FIELD(fuse_lowlevel_ops, removexattr, 224, 8);
FIELD(fuse_lowlevel_ops, access, 232, 8);
FIELD(fuse_lowlevel_ops, create, 240, 8);
FIELD(fuse_lowlevel_ops, getlk, 248, 8);
FIELD(fuse_lowlevel_ops, setlk, 256, 8);
FIELD(fuse_lowlevel_ops, bmap, 264, 8);
FIELD(fuse_lowlevel_ops, ioctl, 272, 8);
FIELD(fuse_lowlevel_ops, poll, 280, 8);
FIELD(fuse_lowlevel_ops, write_buf, 288, 8);
FIELD(fuse_lowlevel_ops, retrieve_reply, 296, 8);
FIELD(fuse_lowlevel_ops, forget_multi, 304, 8);
FIELD(fuse_lowlevel_ops, flock, 312, 8);
FIELD(fuse_lowlevel_ops, fallocate, 320, 8);
FIELD(fuse_lowlevel_ops, readdirplus, 328, 8);
FIELD(fuse_lowlevel_ops, copy_file_range, 336, 8);
FIELD(fuse_lowlevel_ops, lseek, 344, 8);
FIELD(fuse_lowlevel_ops, tmpfile, 352, 8);
FIELD(fuse_lowlevel_ops, statx, 360, 8);

SIZE(fuse_cmdline_opts, 48);
FIELD(fuse_cmdline_opts, singlethread, 0, 4);
FIELD(fuse_cmdline_opts, foreground, 4, 4);
FIELD(fuse_cmdline_opts, debug, 8, 4);
FIELD(fuse_cmdline_opts, nodefault_subtype, 12, 4);
FIELD(fuse_cmdline_opts, mountpoint, 16, 8);
FIELD(fuse_cmdline_opts, show_version, 24, 4);
FIELD(fuse_cmdline_opts, show_help, 28, 4);
FIELD(fuse_cmdline_opts, clone_fd, 32, 4);
FIELD(fuse_cmdline_opts, max_idle_threads, 36, 4);
FIELD(fuse_cmdline_opts, max_threads, 40, 4);

#if FUSE_USE_VERSION < 319
SIZE(fuse_operations, 344);
#else
SIZE(fuse_operations, 352);
FIELD(fuse_operations, syncfs, 344, 8);
#endif
FIELD(fuse_operations, getattr, 0, 8);
FIELD(fuse_operations, readlink, 8, 8);
FIELD(fuse_operations, mknod, 16, 8);
FIELD(fuse_operations, mkdir, 24, 8);
FIELD(fuse_operations, unlink, 32, 8);
FIELD(fuse_operations, rmdir, 40, 8);
FIELD(fuse_operations, symlink, 48, 8);
FIELD(fuse_operations, rename, 56, 8);
FIELD(fuse_operations, link, 64, 8);
FIELD(fuse_operations, chmod, 72, 8);
FIELD(fuse_operations, chown, 80, 8);
FIELD(fuse_operations, truncate, 88, 8);
FIELD(fuse_operations, open, 96, 8);
FIELD(fuse_operations, read, 104, 8);
FIELD(fuse_operations, write, 112, 8);
FIELD(fuse_operations, statfs, 120, 8);
FIELD(fuse_operations, flush, 128, 8);
FIELD(fuse_operations, release, 136, 8);
FIELD(fuse_operations, fsync, 144, 8);
FIELD(fuse_operations, setxattr, 152, 8);
FIELD(fuse_operations, getxattr, 160, 8);
FIELD(fuse_operations, listxattr, 168, 8);
FIELD(fuse_operations, removexattr, 176, 8);
FIELD(fuse_operations, opendir, 184, 8);
FIELD(fuse_operations, readdir, 192, 8);
FIELD(fuse_operations, releasedir, 200, 8);
FIELD(fuse_operations, fsyncdir, 208, 8);
FIELD(fuse_operations, init, 216, 8);
FIELD(fuse_operations, destroy, 224, 8);
FIELD(fuse_operations, access, 232, 8);
FIELD(fuse_operations, create, 240, 8);
FIELD(fuse_operations, lock, 248, 8);
FIELD(fuse_operations, utimens, 256, 8);
FIELD(fuse_operations, bmap, 264, 8);
FIELD(fuse_operations, ioctl, 272, 8);
FIELD(fuse_operations, poll, 280, 8);
FIELD(fuse_operations, write_buf, 288, 8);
FIELD(fuse_operations, read_buf, 296, 8);
FIELD(fuse_operations, flock, 304, 8);
FIELD(fuse_operations, fallocate, 312, 8);
FIELD(fuse_operations, copy_file_range, 320, 8);
FIELD(fuse_operations, lseek, 328, 8);
FIELD(fuse_operations, statx, 336, 8);

SIZE(fuse_config, 520);
FIELD(fuse_config, set_gid, 0, 4);
FIELD(fuse_config, gid, 4, 4);
FIELD(fuse_config, set_uid, 8, 4);
FIELD(fuse_config, uid, 12, 4);
FIELD(fuse_config, set_mode, 16, 4);
FIELD(fuse_config, umask, 20, 4);
FIELD(fuse_config, entry_timeout, 24, 8);
FIELD(fuse_config, negative_timeout, 32, 8);
FIELD(fuse_config, attr_timeout, 40, 8);
FIELD(fuse_config, intr, 48, 4);
FIELD(fuse_config, intr_signal, 52, 4);
FIELD(fuse_config, remember, 56, 4);
FIELD(fuse_config, hard_remove, 60, 4);
FIELD(fuse_config, use_ino, 64, 4);
FIELD(fuse_config, readdir_ino, 68, 4);
FIELD(fuse_config, direct_io, 72, 4);
FIELD(fuse_config, kernel_cache, 76, 4);
FIELD(fuse_config, auto_cache, 80, 4);
FIELD(fuse_config, ac_attr_timeout_set, 84, 4);
FIELD(fuse_config, ac_attr_timeout, 88, 8);
FIELD(fuse_config, nullpath_ok, 96, 4);
FIELD(fuse_config, show_help, 100, 4);
FIELD(fuse_config, modules, 104, 8);
FIELD(fuse_config, debug, 112, 4);
FIELD(fuse_config, fmask, 116, 4);
FIELD(fuse_config, dmask, 120, 4);
FIELD(fuse_config, no_rofd_flush, 124, 4);
FIELD(fuse_config, parallel_direct_writes, 128, 4);
FIELD(fuse_config, flags, 132, 4);
FIELD(fuse_config, reserved, 136, 384);

SIZE(fuse_context, 40);
FIELD(fuse_context, fuse, 0, 8);
FIELD(fuse_context, uid, 8, 4);
FIELD(fuse_context, gid, 12, 4);
FIELD(fuse_context, pid, 16, 4);
FIELD(fuse_context, private_data, 24, 8);
FIELD(fuse_context, umask, 32, 4);

/* This library's own. */
SIZE(fuse_reconnect_figures, 136);
FIELD(fuse_reconnect_figures, size, 0, 4);
FIELD(fuse_reconnect_figures, generation, 4, 4);
FIELD(fuse_reconnect_figures, incarnations, 8, 8);
FIELD(fuse_reconnect_figures, nodes, 16, 8);
FIELD(fuse_reconnect_figures, handles, 24, 8);
FIELD(fuse_reconnect_figures, replayed, 32, 8);
FIELD(fuse_reconnect_figures, resent, 40, 8);
FIELD(fuse_reconnect_figures, poisoned, 48, 8);
FIELD(fuse_reconnect_figures, stale, 56, 8);
FIELD(fuse_reconnect_figures, last_recovery_ns, 64, 8);
FIELD(fuse_reconnect_figures, reserved, 72, 64);

static_assert(sizeof(fuse_ino_t) == 8, "size of fuse_ino_t");
static_assert(sizeof(fuse_req_t) == sizeof(void*), "size of fuse_req_t");

VALUE(FUSE_MAJOR_VERSION, 3);
VALUE(FUSE_MINOR_VERSION, 18);
VALUE(FUSE_VERSION, 318);
VALUE(FUSE_MAKE_VERSION(3, 4), 304);
VALUE(FUSE_ROOT_ID, 1);
VALUE(FUSE_BUF_IS_FD, 2);
VALUE(FUSE_BUF_FD_SEEK, 4);
VALUE(FUSE_BUF_FD_RETRY, 8);
VALUE(FUSE_LOG_EMERG, 0);
VALUE(FUSE_LOG_ALERT, 1);
VALUE(FUSE_LOG_CRIT, 2);
VALUE(FUSE_LOG_ERR, 3);
VALUE(FUSE_LOG_WARNING, 4);
VALUE(FUSE_LOG_NOTICE, 5);
VALUE(FUSE_LOG_INFO, 6);
VALUE(FUSE_LOG_DEBUG, 7);
VALUE(FUSE_BUF_NO_SPLICE, 2);
VALUE(FUSE_BUF_FORCE_SPLICE, 4);
VALUE(FUSE_BUF_SPLICE_MOVE, 8);
VALUE(FUSE_BUF_SPLICE_NONBLOCK, 16);
VALUE(FUSE_READDIR_DEFAULTS, 0);
VALUE(FUSE_READDIR_PLUS, 1);
VALUE(FUSE_FILL_DIR_DEFAULTS, 0);
VALUE(FUSE_FILL_DIR_PLUS, 2);
VALUE(FUSE_LL_INVALIDATE, 0);
VALUE(FUSE_LL_EXPIRE_ONLY, 1);
VALUE(FUSE_OPT_KEY_OPT, -1);
VALUE(FUSE_OPT_KEY_NONOPT, -2);
VALUE(FUSE_OPT_KEY_KEEP, -3);
VALUE(FUSE_OPT_KEY_DISCARD, -4);
VALUE(FUSE_IOCTL_COMPAT, 1);
VALUE(FUSE_IOCTL_UNRESTRICTED, 2);
VALUE(FUSE_IOCTL_RETRY, 4);
VALUE(FUSE_IOCTL_DIR, 16);
VALUE(FUSE_IOCTL_MAX_IOV, 256);
BIT(FUSE_SET_ATTR_MODE, 0);
BIT(FUSE_SET_ATTR_UID, 1);
BIT(FUSE_SET_ATTR_GID, 2);
BIT(FUSE_SET_ATTR_SIZE, 3);
BIT(FUSE_SET_ATTR_ATIME, 4);
BIT(FUSE_SET_ATTR_MTIME, 5);
BIT(FUSE_SET_ATTR_ATIME_NOW, 7);
BIT(FUSE_SET_ATTR_MTIME_NOW, 8);
BIT(FUSE_SET_ATTR_FORCE, 9);
BIT(FUSE_SET_ATTR_CTIME, 10);
BIT(FUSE_SET_ATTR_KILL_SUID, 11);
BIT(FUSE_SET_ATTR_KILL_SGID, 12);
BIT(FUSE_SET_ATTR_FILE, 13);
BIT(FUSE_SET_ATTR_KILL_PRIV, 14);
BIT(FUSE_SET_ATTR_OPEN, 15);
BIT(FUSE_SET_ATTR_TIMES_SET, 16);
BIT(FUSE_SET_ATTR_TOUCH, 17);
BIT(FUSE_CAP_ASYNC_READ, 0);
BIT(FUSE_CAP_POSIX_LOCKS, 1);
BIT(FUSE_CAP_ATOMIC_O_TRUNC, 3);
BIT(FUSE_CAP_EXPORT_SUPPORT, 4);
BIT(FUSE_CAP_DONT_MASK, 6);
BIT(FUSE_CAP_SPLICE_WRITE, 7);
BIT(FUSE_CAP_SPLICE_MOVE, 8);
BIT(FUSE_CAP_SPLICE_READ, 9);
BIT(FUSE_CAP_FLOCK_LOCKS, 10);
BIT(FUSE_CAP_IOCTL_DIR, 11);
BIT(FUSE_CAP_AUTO_INVAL_DATA, 12);
BIT(FUSE_CAP_READDIRPLUS, 13);
BIT(FUSE_CAP_READDIRPLUS_AUTO, 14);
BIT(FUSE_CAP_ASYNC_DIO, 15);
BIT(FUSE_CAP_WRITEBACK_CACHE, 16);
BIT(FUSE_CAP_NO_OPEN_SUPPORT, 17);
BIT(FUSE_CAP_PARALLEL_DIROPS, 18);
BIT(FUSE_CAP_POSIX_ACL, 19);
BIT(FUSE_CAP_HANDLE_KILLPRIV, 20);
BIT(FUSE_CAP_HANDLE_KILLPRIV_V2, 21);
BIT(FUSE_CAP_CACHE_SYMLINKS, 23);
BIT(FUSE_CAP_NO_OPENDIR_SUPPORT, 24);
BIT(FUSE_CAP_EXPLICIT_INVAL_DATA, 25);
BIT(FUSE_CAP_EXPIRE_ONLY, 26);
BIT(FUSE_CAP_SETXATTR_EXT, 27);
BIT(FUSE_CAP_DIRECT_IO_ALLOW_MMAP, 28);
BIT(FUSE_CAP_PASSTHROUGH, 29);
BIT(FUSE_CAP_NO_EXPORT_SUPPORT, 30);
BIT(FUSE_CAP_OVER_IO_URING, 31);

static int failures;

/* Finds the bits that are set in `bytes` and compares them with the `width` bits from `first` on.
 */
static void check_bits(const char* name, const unsigned char* bytes, size_t size, size_t first,
                       size_t width) {
  size_t i;
  for (i = 0; i < size * CHAR_BIT; i++) {
    int set = bytes[i / CHAR_BIT] >> (i % CHAR_BIT) & 1;
    if (set != (i >= first && i - first < width)) {
      fprintf(stderr, "%s: bit %zu is %d\n", name, i, set);
      failures++;
      return;
    }
  }
}

#define BITS(type, field, first, width)                                   \
  do {                                                                    \
    struct type value;                                                    \
    unsigned char bytes[sizeof(value)];                                   \
    memset(&value, 0, sizeof(value));                                     \
    value.field = (uint32_t)(UINT64_MAX >> (64 - (width)));               \
    memcpy(bytes, &value, sizeof(value));                                 \
    check_bits(#type "." #field, bytes, sizeof(bytes), (first), (width)); \
  } while (0)

int main(void) {
  BITS(fuse_file_info, writepage, 32, 1);
  BITS(fuse_file_info, direct_io, 33, 1);
  BITS(fuse_file_info, keep_cache, 34, 1);
  BITS(fuse_file_info, flush, 35, 1);
  BITS(fuse_file_info, nonseekable, 36, 1);
  BITS(fuse_file_info, flock_release, 37, 1);
  BITS(fuse_file_info, cache_readdir, 38, 1);
  BITS(fuse_file_info, noflush, 39, 1);
  BITS(fuse_file_info, parallel_direct_writes, 40, 1);
  BITS(fuse_file_info, padding, 41, 23);
  BITS(fuse_file_info, padding2, 64, 32);
  BITS(fuse_file_info, padding3, 96, 32);
  BITS(fuse_conn_info, no_interrupt, 352, 1);
  BITS(fuse_conn_info, padding, 353, 31);
  return failures != 0;
}

#endif
