/*
 * What the low-level and the high-level interface share. Programs include one of those two.
 * Everything exists since 3.0 that does not say otherwise.
 *
 * SPDX-License-Identifier: LGPL-2.1-only
 */
#ifndef FUSE_COMMON_H_
#define FUSE_COMMON_H_

#include "libfuse_config.h"

#ifndef FUSE_USE_VERSION
#error "Define FUSE_USE_VERSION before including this header, e.g. as FUSE_MAKE_VERSION(3, 18)."
#elif FUSE_USE_VERSION < 30
#error "FUSE_USE_VERSION must be 30 or greater."
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fuse_log.h"
#include "fuse_opt.h"

/* Offsets are 64 bits wide in this interface, on machines of 32 bits too. */
#if !defined(__LP64__) && (!defined(_FILE_OFFSET_BITS) || _FILE_OFFSET_BITS != 64)
#error "Please compile with -D_FILE_OFFSET_BITS=64."
#endif
#if defined(__cplusplus) && __cplusplus >= 201103L
static_assert(sizeof(off_t) == 8, "fuse: off_t must have 64 bits");
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(off_t) == 8, "fuse: off_t must have 64 bits");
#else
typedef char fuse_off_t_must_have_64_bits[sizeof(off_t) == 8 ? 1 : -1];
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The version of the library a program was compiled with. Calls that create a session carry it, so
 * that a newer library can keep to what the program knows. Since 3.17.
 */
struct libfuse_version {
  /** FUSE_MAJOR_VERSION as the program saw it. */
  uint32_t major;
  /** FUSE_MINOR_VERSION as the program saw it. */
  uint32_t minor;
  /** FUSE_HOTFIX_VERSION as the program saw it. */
  uint32_t hotfix;
  /** Zero. */
  uint32_t padding;
};

/**
 * One open file or directory, as a request about it sees it.
 *
 * An open file begins with open, create, tmpfile or opendir and ends with release or releasedir; in
 * between, several descriptors of an application may stand for it (dup(2), fork(2)). The structure
 * is the library's and lives as long as the call it is passed to. What a filesystem sets in it
 * while opening goes to the kernel with the reply.
 */
struct fuse_file_info {
  /** The flags of open(2). In open, create, tmpfile, opendir and both releases; in read and write
      the present ones, which fcntl(2) may have changed. */
  int32_t flags;

  /** In write: set when the kernel writes back its page cache. The caller's ids are then not valid,
      and `fh` may be that of another open file of the same node. */
  uint32_t writepage : 1;

  /** Set when opening: bypass the page cache for this open file. */
  uint32_t direct_io : 1;

  /** Set when opening a file: what the page cache has of it is still right. */
  uint32_t keep_cache : 1;

  /** In flush; and in release and the lock operations when they belong to a close(2). */
  uint32_t flush : 1;

  /** Set when opening: the file cannot be positioned. */
  uint32_t nonseekable : 1;

  /** In release: the flock(2) locks of `lock_owner` on this open file are to be dropped. */
  uint32_t flock_release : 1;

  /** Set when opening a directory: the kernel may cache its entries. */
  uint32_t cache_readdir : 1;

  /** Set when opening: do not send flush at close(2). Since 3.11. */
  uint32_t noflush : 1;

  /** Set when opening, together with direct_io: writes to this open file need not be serialized by
      the kernel. Since 3.15. */
  uint32_t parallel_direct_writes : 1;

  /** Zero; for later versions. */
  uint32_t padding : 23;
  uint32_t padding2 : 32;
  uint32_t padding3 : 32;

  /** The filesystem's own number for this open file: set when opening, present in all that
      follows. */
  uint64_t fh;

  /** Who holds or asks for a lock, or closes: in the lock operations, flush and release. An opaque
      number. */
  uint64_t lock_owner;

  /** In poll: the events waited for, as in poll(2); zero from a kernel that does not tell. */
  uint32_t poll_events;

  /** Set when opening: the number fuse_passthrough_open() gave, for reads and writes that bypass
      the filesystem; 0 or less for none. Since 3.17. */
  int32_t backing_id;

  /** The library's, for programs compiled with another version of this header. Since 3.17. */
  uint64_t compat_flags;

  /** Zero; for later versions. */
  uint64_t reserved[2];
};

/**
 * How a multi-threaded loop runs, for programs that ask for an interface older than 3.12. Newer
 * ones use the functions fuse_loop_cfg_*() and never see the contents.
 */
#if FUSE_USE_VERSION < FUSE_MAKE_VERSION(3, 12)
struct fuse_loop_config_v1;
struct fuse_loop_config {
#else
struct fuse_loop_config;
struct fuse_loop_config_v1 {
#endif
  /** Nonzero: every thread gets a device descriptor of its own. */
  int clone_fd;

  /** How many threads may wait for requests before surplus ones end. */
  unsigned int max_idle_threads;
};

/*
 * Capabilities: what kernel and filesystem can agree on while a connection is set up.
 *
 * In init, fuse_conn_info::capable_ext tells what this kernel offers and want_ext what will be
 * used. Change the latter with fuse_set_feature_flag() and fuse_unset_feature_flag() only. "Default
 * on" means: wanted already when init is called, provided that the kernel offers it. The numbers
 * are this interface's, not those of the kernel protocol.
 */

/** Several reads of one open file may be under way at once, in any order. Default on. */
#define FUSE_CAP_ASYNC_READ (UINT64_C(1) << 0)

/** The filesystem keeps POSIX locks itself. Default on when getlk and setlk exist. */
#define FUSE_CAP_POSIX_LOCKS (UINT64_C(1) << 1)

/** open gets O_TRUNC; without it the kernel truncates with a setattr first. With it the filesystem
    has to clear set-user-id and set-group-id bits then, for which the kernel does not ask. Default
    on. */
#define FUSE_CAP_ATOMIC_O_TRUNC (UINT64_C(1) << 3)

/** lookup knows "." and "..", which a mount exported by NFS needs. With reconnect, file handles of
    nodes that the kernel has forgotten give ESTALE. Default off. */
#define FUSE_CAP_EXPORT_SUPPORT (UINT64_C(1) << 4)

/** The umask is left to the filesystem, which finds it in its context. Default off. */
#define FUSE_CAP_DONT_MASK (UINT64_C(1) << 6)

/** The library may splice(2) replies into the device. Default off. */
#define FUSE_CAP_SPLICE_WRITE (UINT64_C(1) << 7)

/** Splicing may move pages instead of copying them. Default off. */
#define FUSE_CAP_SPLICE_MOVE (UINT64_C(1) << 8)

/** The library may splice(2) requests out of the device. It does so while large writes come, provided
    that a pipe can hold the largest request: for a max_write of 1 MiB that takes CAP_SYS_RESOURCE or
    a larger fs.pipe-max-size (proc(5)), for half of it nothing. Default on when write_buf exists. */
#define FUSE_CAP_SPLICE_READ (UINT64_C(1) << 9)

/** The filesystem keeps flock(2) locks itself. Default on when flock exists. */
#define FUSE_CAP_FLOCK_LOCKS (UINT64_C(1) << 10)

/** ioctl(2) on directories reaches the filesystem. Default on. */
#define FUSE_CAP_IOCTL_DIR (UINT64_C(1) << 11)

/** Before a read the kernel asks for attributes whose time is over, and drops the cached contents
    when size or modification time changed. Default on. */
#define FUSE_CAP_AUTO_INVAL_DATA (UINT64_C(1) << 12)

/** Directories are read with readdirplus. Default on when readdirplus exists. */
#define FUSE_CAP_READDIRPLUS (UINT64_C(1) << 13)

/** The kernel chooses between readdir and readdirplus by what it expects to need; without
    FUSE_CAP_READDIRPLUS this means nothing. Default on when both operations exist. */
#define FUSE_CAP_READDIRPLUS_AUTO (UINT64_C(1) << 14)

/** Several direct reads and writes of one open file may be under way at once. Default on. */
#define FUSE_CAP_ASYNC_DIO (UINT64_C(1) << 15)

/** The kernel collects writes in its page cache and sends them later; it then also decides about
    size and times of files it has cached. Default off. */
#define FUSE_CAP_WRITEBACK_CACHE (UINT64_C(1) << 16)

/** An offer only: when the kernel has it, open may answer ENOSYS once to say that no file needs
    opening. */
#define FUSE_CAP_NO_OPEN_SUPPORT (UINT64_C(1) << 17)

/** lookup and readdir may run at once in one directory. Default on. */
#define FUSE_CAP_PARALLEL_DIROPS (UINT64_C(1) << 18)

/** The kernel enforces POSIX ACLs, which the filesystem stores as extended attributes; this turns
    on default_permissions as well. Default off. */
#define FUSE_CAP_POSIX_ACL (UINT64_C(1) << 19)

/** The filesystem clears set-user-id and set-group-id bits at write, truncation and change of
    owner. Default on. */
#define FUSE_CAP_HANDLE_KILLPRIV (UINT64_C(1) << 20)

/** The same, but the kernel says with each request whether the bits are to go, and spares the one
    it would have sent to find out. Default off. Since 3.17. */
#define FUSE_CAP_HANDLE_KILLPRIV_V2 (UINT64_C(1) << 21)

/** The kernel caches what symbolic links point to, until fuse_lowlevel_notify_inval_inode() for the
    link. Default off. */
#define FUSE_CAP_CACHE_SYMLINKS (UINT64_C(1) << 23)

/** An offer only: when the kernel has it, opendir may answer ENOSYS once to say that no directory
    needs opening. */
#define FUSE_CAP_NO_OPENDIR_SUPPORT (UINT64_C(1) << 24)

/** Cached contents are dropped only when the filesystem says so. FUSE_CAP_AUTO_INVAL_DATA, when
    both are wanted, prevails. Default off. */
#define FUSE_CAP_EXPLICIT_INVAL_DATA (UINT64_C(1) << 25)

/** An offer only: fuse_lowlevel_notify_expire_entry() works. Since 3.12. */
#define FUSE_CAP_EXPIRE_ONLY (UINT64_C(1) << 26)

/** The kernel sends flags of its own along with setxattr. Default off. */
#define FUSE_CAP_SETXATTR_EXT (UINT64_C(1) << 27)

/** Files opened with direct_io may be mapped shared. Default off. Since 3.17. */
#define FUSE_CAP_DIRECT_IO_ALLOW_MMAP (UINT64_C(1) << 28)

/** Open files may be joined with one of a lower filesystem, to which the kernel then sends reads
    and writes itself; see fuse_passthrough_open(). Default off. Since 3.17. */
#define FUSE_CAP_PASSTHROUGH (UINT64_C(1) << 29)

/** Values of fuse_conn_info::max_backing_stack_depth. Since 3.17. */
#define FUSE_BACKING_STACKED_UNDER (0)
#define FUSE_BACKING_STACKED_OVER (1)

/** File handles that outlive the kernel's cache are refused (name_to_handle_at(2), NFS). Default
    off. Since 3.17. */
#define FUSE_CAP_NO_EXPORT_SUPPORT (UINT64_C(1) << 30)

/** Requests travel through io_uring instead of read(2) and write(2). Wanted when the option
    io_uring is given. Since 3.18. */
#define FUSE_CAP_OVER_IO_URING (UINT64_C(1) << 31)

/* Flags of the ioctl operation. */

/** The caller is a 32-bit process on a 64-bit kernel. */
#define FUSE_IOCTL_COMPAT (1 << 0)
/** The command's argument may be anything, and fuse_reply_ioctl_retry() is allowed (CUSE only). */
#define FUSE_IOCTL_UNRESTRICTED (1 << 1)
/** In the kernel's protocol: ask again with these areas of the caller's memory. */
#define FUSE_IOCTL_RETRY (1 << 2)
/** It is about a directory. */
#define FUSE_IOCTL_DIR (1 << 4)

/** How many memory areas fuse_reply_ioctl_retry() can name, in both directions together. */
#define FUSE_IOCTL_MAX_IOV 256

/**
 * What is agreed between kernel and filesystem when a connection starts; the parameter of init.
 *
 * The structure belongs to the session and is looked at again when init returns. Limits may be
 * lowered; a value above what the kernel offers is cut to it.
 */
struct fuse_conn_info {
  /** The kernel's protocol version. Read only. */
  uint32_t proto_major;
  uint32_t proto_minor;

  /** The largest write request, in bytes. */
  uint32_t max_write;

  /** The largest read request, in bytes; 0 leaves it to the kernel. The mount option max_read must
      say the same. */
  uint32_t max_read;

  /** How far the kernel may read ahead, in bytes. */
  uint32_t max_readahead;

  /** The lower 32 bits of capable_ext, for programs from before 3.17. Read only. */
  uint32_t capable;

  /** The lower 32 bits of want_ext, for programs from before 3.17. A program changes this or
      want_ext, not both in different ways. */
  uint32_t want;

  /** How many requests nobody waits for (read-ahead, asynchronous direct I/O) may be pending; 0
      leaves it to the kernel. */
  uint32_t max_background;

  /** From how many such requests on the kernel holds back; 0 leaves it to the kernel. */
  uint32_t congestion_threshold;

  /** What the filesystem's times are multiples of, in nanoseconds: a power of ten up to 1000000000.
      The default is 1. */
  uint32_t time_gran;

  /** With FUSE_CAP_PASSTHROUGH: whether backing files may lie on a filesystem that itself stands on
      others (overlayfs, another one with passthrough). FUSE_BACKING_STACKED_UNDER, the default: they
      may not, but such a filesystem can stand on this one. FUSE_BACKING_STACKED_OVER: they may, and
      none can stand on this one. Linux allows two layers in all. Since 3.17. */
  uint32_t max_backing_stack_depth;

  /** Set it when the filesystem does not care for interrupted requests: the library then ignores
      the kernel's messages about them. Since 3.17. */
  uint32_t no_interrupt : 1;

  /** Zero; for later versions. */
  uint32_t padding : 31;

  /** The capabilities this kernel offers (FUSE_CAP_*). Read only. Since 3.17. */
  uint64_t capable_ext;

  /** The capabilities that will be used; see fuse_set_feature_flag(). Since 3.17. */
  uint64_t want_ext;

  /** After how many seconds without an answer the kernel gives up the whole connection; 0 for
      never. Needs protocol 7.43. Since 3.17. */
  uint16_t request_timeout;

  /** Zero; for later versions. */
  uint16_t reserved[31];
};

/** A connection's server side: options, operations, device. */
struct fuse_session;

/** Where to report that a polled file is ready; see fuse_lowlevel_notify_poll(). */
struct fuse_pollhandle;

/** Connection settings from a command line; see fuse_parse_conn_info_opts(). */
struct fuse_conn_info_opts;

/**
 * Takes connection settings out of a command line, for fuse_apply_conn_info_opts() in init.
 *
 * Known, each as an element of -o:
 *   max_write=N max_readahead=N max_background=N congestion_threshold=N time_gran=N
 *                                     set the field of that name
 *   async_read, sync_read             FUSE_CAP_ASYNC_READ on, off
 *   [no_]atomic_o_trunc               FUSE_CAP_ATOMIC_O_TRUNC
 *   no_remote_lock                    the next two together
 *   no_remote_posix_lock              FUSE_CAP_POSIX_LOCKS off
 *   no_remote_flock                   FUSE_CAP_FLOCK_LOCKS off
 *   [no_]splice_write, [no_]splice_move, [no_]splice_read, [no_]auto_inval_data, [no_]async_dio,
 *   [no_]writeback_cache              the capability of that name
 *   readdirplus=no|yes|auto           FUSE_CAP_READDIRPLUS and FUSE_CAP_READDIRPLUS_AUTO
 *
 * @param args arguments in and out: what is known is removed
 * @return settings for the caller to free(3), or NULL after a message to the log
 */
struct fuse_conn_info_opts* fuse_parse_conn_info_opts(struct fuse_args* args);

/**
 * Changes in `conn` what the command line asked for, and nothing else. To be called in init.
 */
void fuse_apply_conn_info_opts(struct fuse_conn_info_opts* opts, struct fuse_conn_info* conn);

/**
 * Wants a capability. To be called in init, on its thread.
 *
 * @param flag one FUSE_CAP_*
 * @return true when the kernel offers it; false, and nothing changed, when it does not
 *
 * Since 3.17; exported since 3.17.3.
 */
bool fuse_set_feature_flag(struct fuse_conn_info* conn, uint64_t flag);

/**
 * Does not want a capability any more. To be called in init, on its thread.
 * Since 3.17; exported since 3.17.3.
 */
void fuse_unset_feature_flag(struct fuse_conn_info* conn, uint64_t flag);

/**
 * Tells whether the kernel offers a capability. To be called in init, on its thread.
 * Since 3.17; exported since 3.17.3.
 */
bool fuse_get_feature_flag(struct fuse_conn_info* conn, uint64_t flag);

/**
 * Carries what init changed in the 32 bits of fuse_conn_info::want over to want_ext, and makes both
 * agree. The library does so after init; a filesystem that wraps another one's init may need it
 * earlier.
 *
 * @return 0, or -EINVAL when both were changed and contradict each other
 *
 * Since 3.17.3.
 */
int fuse_convert_to_conn_want_ext(struct fuse_conn_info* conn);

/**
 * Puts the process into the background: the caller goes on as a child in a session of its own, in
 * the root directory, with its standard streams on /dev/null, and the parent exits once that is
 * done. To be called after mounting and before the loop; no threads may exist.
 *
 * @param foreground nonzero: only change to the root directory
 * @return 0, or -1 after a message to the log
 */
int fuse_daemonize(int foreground);

/**
 * The version of the library that is running: FUSE_MAKE_VERSION of its major and minor number.
 */
int fuse_version(void);

/**
 * The full version of the library that is running, as "3.18.2". A constant.
 */
const char* fuse_pkgversion(void);

/**
 * Gives back a poll handle that a poll operation has kept. Each one exactly once, from any thread.
 */
void fuse_pollhandle_destroy(struct fuse_pollhandle* ph);

/** What kind of buffer a struct fuse_buf is. */
enum fuse_buf_flags {
  /** The data is read from, or written to, `fd` and not `mem`. */
  FUSE_BUF_IS_FD = (1 << 1),

  /** The descriptor's data is at offset `pos`, and its own position stays untouched. */
  FUSE_BUF_FD_SEEK = (1 << 2),

  /** A short read or write of the descriptor is continued until `size`, end of file or an error. */
  FUSE_BUF_FD_RETRY = (1 << 3)
};

/** How fuse_buf_copy() may work. */
enum fuse_buf_copy_flags {
  /** With read(2) and write(2) only. Without this, they are used where splice(2) does not work. */
  FUSE_BUF_NO_SPLICE = (1 << 1),

  /** With splice(2) only; where that does not work the copy fails with EINVAL. */
  FUSE_BUF_FORCE_SPLICE = (1 << 2),

  /** Splicing may move pages (SPLICE_F_MOVE). */
  FUSE_BUF_SPLICE_MOVE = (1 << 3),

  /** Splicing does not wait for a pipe (SPLICE_F_NONBLOCK). */
  FUSE_BUF_SPLICE_NONBLOCK = (1 << 4)
};

/** A piece of data: memory, or a part of what a descriptor stands for. Owns nothing. */
struct fuse_buf {
  /** Bytes of data. */
  size_t size;

  /** Which of the other fields count. */
  enum fuse_buf_flags flags;

  /** The memory, without FUSE_BUF_IS_FD. */
  void* mem;

  /** The descriptor, with FUSE_BUF_IS_FD. */
  int fd;

  /** The offset in the descriptor, with FUSE_BUF_FD_SEEK. */
  off_t pos;

  /** How many bytes `mem` has room for, where fuse_session_receive_buf() allocated it; else unused.
      Since 3.17. */
  size_t mem_size;
};

/**
 * Several buffers in a row, and how far they have been used.
 *
 * For more than one buffer, allocate sizeof(struct fuse_bufvec) and room for the others behind.
 */
struct fuse_bufvec {
  /** Number of buffers. */
  size_t count;

  /** The buffer at which the unused data begins. */
  size_t idx;

  /** The bytes of that buffer which are used already. */
  size_t off;

  /** The buffers, `count` of them. */
  struct fuse_buf buf[1];
};

/** A struct fuse_bufvec with one buffer of `size__` bytes, whose `mem` or `fd` is still to be set.
 */
#if defined(__cplusplus) && __cplusplus >= 201103L
#define FUSE_BUFVEC_INIT(size__) \
  (fuse_bufvec{                  \
      1,                         \
      0,                         \
      0,                         \
      {{static_cast<size_t>(size__), static_cast<fuse_buf_flags>(0), nullptr, -1, 0, 0}}})
#else
#define FUSE_BUFVEC_INIT(size__) \
  ((struct fuse_bufvec){1, 0, 0, {{(size__), (enum fuse_buf_flags)0, NULL, -1, 0, 0}}})
#endif

/**
 * How many bytes of data a vector has from its beginning, whatever was used; SIZE_MAX when the sum
 * does not fit.
 */
size_t fuse_buf_size(const struct fuse_bufvec* bufv);
/**
 * Copies data from one vector to another until either is used up, and moves both forward by that.
 *
 * With splice(2) between descriptors where that is possible. May be called from any thread, as long
 * as nobody else uses the vectors.
 *
 * @param flags bits of enum fuse_buf_copy_flags
 * @return bytes copied, or a negative errno when there were none because of an error
 */
ssize_t fuse_buf_copy(struct fuse_bufvec* dst, struct fuse_bufvec* src,
                      enum fuse_buf_copy_flags flags);

/**
 * Makes SIGHUP, SIGINT and SIGTERM end a session's loop (as fuse_session_exit() does), and ignores
 * SIGPIPE. Signals the program handles already are left alone.
 *
 * One session of a process at a time can have this. To be called while no other thread changes
 * signal handlers.
 *
 * @return 0, or -1 after a message to the log
 */
int fuse_set_signal_handlers(struct fuse_session* se);
/**
 * Makes the signals of a broken program (SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV) write a
 * backtrace to the log before the process dies of them. Signals the program handles already are
 * left alone. Otherwise as fuse_set_signal_handlers(). Since 3.17.
 *
 * @return 0, or -1 after a message to the log
 */
int fuse_set_fail_signal_handlers(struct fuse_session* se);
/**
 * Undoes fuse_set_signal_handlers() and fuse_set_fail_signal_handlers() of the same session.
 */
void fuse_remove_signal_handlers(struct fuse_session* se);

/**
 * Creates settings for fuse_session_loop_mt() and fuse_loop_mt(), all at their defaults: 10
 * threads, surplus idle threads kept, no clones of the device.
 *
 * The settings belong to the caller, until fuse_loop_cfg_destroy(); a loop copies what it needs
 * when it starts. Since 3.12.
 *
 * @return the settings, or NULL without memory
 */
struct fuse_loop_config* fuse_loop_cfg_create(void);
/** Frees settings; NULL is ignored. Since 3.12. */
void fuse_loop_cfg_destroy(struct fuse_loop_config* config);
/**
 * Sets how many threads may wait for requests before surplus ones end. Ending and starting threads
 * costs more than idle ones, so this is best left alone. Since 3.12.
 */
void fuse_loop_cfg_set_idle_threads(struct fuse_loop_config* config, unsigned int value);
/** Sets how many threads may serve requests at once. Since 3.12. */
void fuse_loop_cfg_set_max_threads(struct fuse_loop_config* config, unsigned int value);
/** Sets whether every thread gets a device descriptor of its own (nonzero). Since 3.12. */
void fuse_loop_cfg_set_clone_fd(struct fuse_loop_config* config, unsigned int value);
/**
 * Sets what the structure of older interfaces can express. Since 3.12.
 *
 * @param config  settings to change
 * @param v1_conf where from
 */
void fuse_loop_cfg_convert(struct fuse_loop_config* config, struct fuse_loop_config_v1* v1_conf);

#ifdef __cplusplus
}
#endif

#endif /* FUSE_COMMON_H_ */
