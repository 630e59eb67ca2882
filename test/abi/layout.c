/* The sizes, offsets and values that programs compiled against libfuse rely on, on x86_64. FACTS
 * names the file with those of the structures.
 *
 * What the compiler can tell is asserted while compiling; where a bit-field lies is looked at when
 * running. Built at several FUSE_USE_VERSIONs, none of which may change a layout. */
#include <assert.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cuse_lowlevel.h"
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
#define AT_LEAST(type, size) static_assert(sizeof(struct type) >= (size), "size of " #type)
#define FIELD(type, field, offset, size)                                                  \
  static_assert(offsetof(struct type, field) == (offset), "offset of " #type "." #field); \
  static_assert(sizeof(((struct type*)0)->field) == (size), "size of " #type "." #field)
#define VALUE(name, value) static_assert((name) == (value), "value of " #name)
#define BIT(name, number) static_assert((name) == (1ULL << (number)), "value of " #name)

#if FUSE_USE_VERSION < 312
#define fuse_loop_config_v1 fuse_loop_config
#endif

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
FIELD(fuse_reconnect_figures, kernel_resent, 72, 8);
FIELD(fuse_reconnect_figures, resend_unknown, 80, 8);
FIELD(fuse_reconnect_figures, resend_missing, 88, 8);
FIELD(fuse_reconnect_figures, reserved, 96, 40);

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
VALUE(FUSE_BACKING_STACKED_UNDER, 0);
VALUE(FUSE_BACKING_STACKED_OVER, 1);

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
#include FACTS
  return failures != 0;
}

#endif
