/*
 * The high-level interface: a filesystem of path names, whose operations return their result.
 *
 * A program fills a struct fuse_operations and calls fuse_main(), which does the rest. One that
 * wants more say does, in this order: fuse_parse_cmdline() (fuse_lowlevel.h), fuse_new(),
 * fuse_mount(), fuse_set_signal_handlers() for fuse_get_session(), fuse_daemonize(), fuse_loop() or
 * fuse_loop_mt(), fuse_remove_signal_handlers(), fuse_unmount(), fuse_destroy().
 *
 * Define FUSE_USE_VERSION before including this: the interface the program is written for, 30, 31,
 * 32, 34, 35 or, from 3.10 on, FUSE_MAKE_VERSION(3, 12) and the like. A newer library keeps it.
 * Everything exists since 3.0 that does not say otherwise.
 *
 * SPDX-License-Identifier: LGPL-2.1-only
 */
#ifndef FUSE_H_
#define FUSE_H_

#include "fuse_common.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Strict C99 has neither of them. */
struct statx;
struct timespec;

/** A filesystem of the high-level interface, with its session. */
struct fuse;

/** How readdir is asked. */
enum fuse_readdir_flags {
  /** Names, numbers and types. */
  FUSE_READDIR_DEFAULTS = 0,

  /** The kernel would like all attributes of the entries along with their names. A filesystem that
      has them at hand gives them, with FUSE_FILL_DIR_PLUS; any other may ignore it. */
  FUSE_READDIR_PLUS = (1 << 0)
};

/** What readdir says about an entry. */
enum fuse_fill_dir_flags {
  /** `stbuf` has number and type at most. */
  FUSE_FILL_DIR_DEFAULTS = 0,

  /** `stbuf` has all attributes. Allowed without FUSE_READDIR_PLUS, too. */
  FUSE_FILL_DIR_PLUS = (1 << 1)
};

/**
 * Takes an entry of a directory; readdir calls it for each.
 *
 * @param buf   that of readdir
 * @param name  the entry's name
 * @param stbuf its attributes, as far as `flags` says, or NULL
 * @param off   the offset at which the entry after this one is; or 0 in every call, when readdir
 *              gives all entries at once
 * @param flags whether `stbuf` is complete
 * @return 0, or 1 when there is no room: readdir then returns, and is called again with the last
 *         offset that was accepted
 */
typedef int (*fuse_fill_dir_t)(void* buf, const char* name, const struct stat* stbuf, off_t off,
                               enum fuse_fill_dir_flags flags);

/**
 * How the library behaves for a filesystem.
 *
 * It is filled from the options given to fuse_new(), and then handed to init, which may change what
 * does not suit the filesystem. "Set by" names the option of -o.
 */
struct fuse_config {
  /** Nonzero: every file's group is `gid`. Both set by gid=N. */
  int32_t set_gid;
  uint32_t gid;

  /** Nonzero: every file's owner is `uid`. Both set by uid=N. */
  int32_t set_uid;
  uint32_t uid;

  /** Nonzero: every file's permissions are those missing in `umask`, or in `fmask` and `dmask`
      further down, whatever getattr says. Set by umask=M in octal. */
  int32_t set_mode;
  uint32_t umask;

  /** For how many seconds the kernel may use a name without asking. Set by entry_timeout=T, 1.0 if
      nobody says otherwise. */
  double entry_timeout;

  /** For how many seconds the kernel may take it for granted that a name does not exist. Set by
      negative_timeout=T, 0 if nobody says otherwise. */
  double negative_timeout;

  /** For how many seconds the kernel may use attributes without asking. Set by attr_timeout=T, 1.0
      if nobody says otherwise. */
  double attr_timeout;

  /** Nonzero: operations can be interrupted: the thread of one whose caller does not want to wait
      any longer gets the signal `intr_signal`, and fuse_interrupted() tells. Set by intr, and by
      intr_signal=N. */
  int32_t intr;

  /** The number of that signal. SIGUSR1 if nobody says otherwise. */
  int32_t intr_signal;

  /** For how many seconds the library remembers a path that the kernel has forgotten; -1 for ever.
      A longer time lets node numbers stay what they were, at the price of memory. Set by
     remember=T, and by noforget. */
  int32_t remember;

  /** Nonzero: a file that is removed while it is open goes at once. Otherwise the library renames
      it to a hidden name, ".fuse_hidden" and figures, until it is closed. Without such names, read,
      write, close and others of a removed file fail with ENOENT and do not reach the filesystem, of
      which only release does, without a path; unless it has set `nullpath_ok`, and does with
      `fi->fh`. Set by hard_remove. */
  int32_t hard_remove;

  /** Nonzero: st_ino of getattr and readdir is what applications see. Otherwise the library makes
      numbers up. The filesystem must then take care that they are unique. Set by use_ino. */
  int32_t use_ino;

  /** Nonzero: without use_ino, readdir still gives the numbers that the library knows already,
      instead of one and the same for all entries. Set by readdir_ino. */
  int32_t readdir_ino;

  /** Nonzero: the page cache is bypassed for all files, as if open had set `fi->direct_io`. Set by
      direct_io. */
  int32_t direct_io;

  /** Nonzero: what the page cache has of a file is right for ever, so opening does not empty it.
      For filesystems whose files change through the mount only. Set by kernel_cache. */
  int32_t kernel_cache;

  /** Nonzero: opening keeps what the page cache has of a file unless its size or modification time
      changed since. Set by auto_cache. */
  int32_t auto_cache;

  /** Nonzero: `ac_attr_timeout` is used. Both set by ac_attr_timeout=T. */
  int32_t ac_attr_timeout_set;

  /** For how many seconds auto_cache may go by the attributes it knows. `attr_timeout` if nobody
      says otherwise. */
  double ac_attr_timeout;

  /** Nonzero: an operation on an open file or directory may be called with NULL in place of its
     path: those that read, write, flush, release, synchronize, lock, allocate, seek, copy, poll or
     list it, and ioctl; and, when they have an open file, getattr, statx, chmod, chown, truncate
     and utimens. The library then need not know where a file is while it is open. Set by init only.
   */
  int32_t nullpath_ok;

  /** The library's, for programs from before 3.1. */
  int32_t show_help;

  /** The library's: the list of modules. Set by modules=M1[:M2...]. */
  char* modules;

  /** The library's: nonzero when operations are written to the log. Set by debug and -d. */
  int32_t debug;

  /** With set_mode, unless 0: in place of `umask` for everything but directories. Set by fmask=M in
      octal. Since 3.17. */
  uint32_t fmask;

  /** With set_mode, unless 0: in place of `umask` for directories. Set by dmask=M in octal. Since
      3.17. */
  uint32_t dmask;

  /** Nonzero: closing a descriptor that was opened for reading only does not call flush. Since
      3.11. */
  int32_t no_rofd_flush;

  /** Nonzero: files that bypass the page cache take several writes at once, as if open had set
      `fi->parallel_direct_writes`. Since 3.15. */
  int32_t parallel_direct_writes;

  /** Zero; for later versions. */
  uint32_t flags;
  uint64_t reserved[48];
};

/**
 * What a filesystem can do. Each operation returns 0, or a negative errno, unless it says
 * otherwise. One that is left NULL is answered as if it returned -ENOSYS, for which the kernel or
 * the library has a sensible behaviour of its own where that is said.
 *
 * Paths begin with "/", the root of the filesystem, and are valid during the call only; the same
 * holds for everything else that is passed. With fuse_loop_mt() operations run on several threads
 * at once; the library sees to it that no path of a running operation is renamed or removed
 * meanwhile. fuse_get_context() tells who is asking.
 *
 * `fi` of an operation on attributes is the open file it is asked through, or NULL; other
 * operations always have one. With fuse_config::nullpath_ok an operation whose `fi` is there may
 * have no path.
 *
 * Permissions are for the filesystem to check, unless the mount option default_permissions leaves
 * it to the kernel.
 */
struct fuse_operations {
  /**
   * Get attributes, as stat(2) and lstat(2). st_dev and st_blksize are ignored; st_ino is, unless
   * fuse_config::use_ino is set. Practically every filesystem needs this.
   */
  int (*getattr)(const char* path, struct stat* stbuf, struct fuse_file_info* fi);

  /**
   * Read a symbolic link, as readlink(2), except that the text is terminated, and cut where it does
   * not fit. Returns 0, not a length.
   *
   * @param size room in `buf`, the terminating null included
   */
  int (*readlink)(const char* path, char* buf, size_t size);

  /**
   * Create a node that is no directory. For regular files create is preferred, where it exists.
   *
   * @param mode type and permissions
   * @param rdev the device number, for device nodes
   */
  int (*mknod)(const char* path, mode_t mode, dev_t rdev);

  /** Create a directory. `mode` may be without the type, S_IFDIR. */
  int (*mkdir)(const char* path, mode_t mode);

  /** Remove a name that is no directory. */
  int (*unlink)(const char* path);

  /** Remove an empty directory. */
  int (*rmdir)(const char* path);

  /** Create the symbolic link `path` with the text `target`. */
  int (*symlink)(const char* target, const char* path);

  /**
   * Rename, replacing what `newpath` is.
   *
   * @param flags 0, or as in renameat2(2): with RENAME_NOREPLACE an existing `newpath` is -EEXIST;
   *              with RENAME_EXCHANGE both exist and change places. -EINVAL for those the
   * filesystem does not know.
   */
  int (*rename)(const char* oldpath, const char* newpath, unsigned int flags);

  /** Give the file `oldpath` a further name. */
  int (*link)(const char* oldpath, const char* newpath);

  /** Change permissions. */
  int (*chmod)(const char* path, mode_t mode, struct fuse_file_info* fi);

  /**
   * Change owner and group; (uid_t)-1 and (gid_t)-1 leave theirs as they are. Unless
   * FUSE_CAP_HANDLE_KILLPRIV is off, set-user-id and set-group-id bits are for this to clear.
   */
  int (*chown)(const char* path, uid_t uid, gid_t gid, struct fuse_file_info* fi);

  /**
   * Change the size. Unless FUSE_CAP_HANDLE_KILLPRIV is off, set-user-id and set-group-id bits are
   * for this to clear.
   */
  int (*truncate)(const char* path, off_t size, struct fuse_file_info* fi);

  /**
   * Open a file: `fi->flags` are those of open(2), without O_CREAT, O_EXCL and O_NOCTTY. O_TRUNC is
   * there with FUSE_CAP_ATOMIC_O_TRUNC only. May set `fi->fh`, which all operations on the open
   * file get, `fi->direct_io`, `fi->keep_cache` and the others of struct fuse_file_info. Without
   * default_permissions, it is for this to check whether the access is allowed.
   *
   * With FUSE_CAP_WRITEBACK_CACHE the kernel may read from files opened for writing only, and minds
   * O_APPEND itself.
   *
   * Left NULL, opening succeeds. Returning -ENOSYS once, when the kernel offers
   * FUSE_CAP_NO_OPEN_SUPPORT, says that it always will.
   */
  int (*open)(const char* path, struct fuse_file_info* fi);

  /**
   * Read. Returns the number of bytes: as many as asked for, unless the file ends before; with
   * `direct_io`, less is what the application gets.
   */
  int (*read)(const char* path, char* buf, size_t size, off_t off, struct fuse_file_info* fi);

  /**
   * Write. Returns the number of bytes, which is all of them; with `direct_io`, less is what the
   * application gets. Unless FUSE_CAP_HANDLE_KILLPRIV is off, set-user-id and set-group-id bits are
   * for this to clear.
   */
  int (*write)(const char* path, const char* buf, size_t size, off_t off,
               struct fuse_file_info* fi);

  /** Get figures of the filesystem. f_favail, f_fsid and f_flag are ignored. */
  int (*statfs)(const char* path, struct statvfs* stbuf);

  /**
   * A descriptor is being closed, the result of which the application sees: the place to report
   * that something could not be written. Called once for each close(2), so several times for an
   * open file with descriptors duplicated by dup(2) or fork(2), or never; it says nothing about the
   * open file's end. A filesystem that keeps POSIX locks itself drops those of `fi->lock_owner`
   * here.
   */
  int (*flush)(const char* path, struct fuse_file_info* fi);

  /**
   * The last descriptor and the last mapping of an open file are gone. Once for each open and
   * create that succeeded; the result is ignored. The path is NULL when the file was removed, for
   * which see fuse_config::hard_remove.
   */
  int (*release)(const char* path, struct fuse_file_info* fi);

  /** Write what is in caches to storage. `datasync` nonzero: contents, not attributes. */
  int (*fsync)(const char* path, int datasync, struct fuse_file_info* fi);

  /** Set an extended attribute. `flags` as in setxattr(2). */
  int (*setxattr)(const char* path, const char* name, const char* value, size_t size, int flags);

  /**
   * Get an extended attribute. Returns its size; with `size` 0 nothing is written, and else -ERANGE
   * when it does not fit.
   */
  int (*getxattr)(const char* path, const char* name, char* value, size_t size);

  /** List the names of extended attributes, each terminated. Returns as getxattr does. */
  int (*listxattr)(const char* path, char* list, size_t size);

  /** Remove an extended attribute. */
  int (*removexattr)(const char* path, const char* name);

  /**
   * Open a directory; `fi->fh` may be set for the operations that follow. Without
   * default_permissions, it is for this to check whether it may be read. Left NULL, it succeeds.
   */
  int (*opendir)(const char* path, struct fuse_file_info* fi);

  /**
   * Read a directory: call `filler` with `buf` for its entries, "." and "..", too. Either always
   * with offset 0, and with all entries: the library then keeps them until the directory is closed
   * or read again from the beginning, and this is called once. Or with offsets the filesystem can
   * go on from, none of them 0: it is then called until nothing is added, each time with the offset
   * of the last entry that was taken.
   *
   * @param off   where to go on; 0 at the beginning
   * @param flags whether attributes are welcome
   */
  int (*readdir)(const char* path, void* buf, fuse_fill_dir_t filler, off_t off,
                 struct fuse_file_info* fi, enum fuse_readdir_flags flags);

  /**
   * The last descriptor of an open directory is gone. The path is NULL when the directory is gone
   * as well. The result is ignored.
   */
  int (*releasedir)(const char* path, struct fuse_file_info* fi);

  /**
   * As fsync, for a directory. The path is NULL when the directory was removed.
   */
  int (*fsyncdir)(const char* path, int datasync, struct fuse_file_info* fi);

  /**
   * The connection starts: look at what the kernel offers, say what is wanted, and change in `cfg`
   * what does not suit the filesystem. Called once, before all others. Settings made with options
   * of the command line prevail in `conn`.
   *
   * @return what fuse_get_context() gives as `private_data` from then on, in place of the pointer
   *         that was given to fuse_new() or fuse_main(); and destroy gets
   */
  void* (*init)(struct fuse_conn_info* conn, struct fuse_config* cfg);

  /** The filesystem ends. Called once, after all others. `private_data` is what init returned. */
  void (*destroy)(void* private_data);

  /**
   * Check whether the caller has a permission, as access(2). Not called with default_permissions.
   */
  int (*access)(const char* path, int mask);

  /**
   * Create a regular file and open it; for the rest as open. Left NULL, or with -ENOSYS, the
   * library calls mknod and then open.
   */
  int (*create)(const char* path, mode_t mode, struct fuse_file_info* fi);

  /**
   * Get or set a POSIX lock. Without it the kernel keeps locks, which then mean something on this
   * machine only.
   *
   * @param cmd  F_GETLK, F_SETLK, or F_SETLKW, which waits
   * @param lock as in fcntl(2), counted from the beginning of the file (SEEK_SET). With F_GETLK,
   * for the answer; l_pid is then the filesystem's, while with the others the caller's own.
   *             `fi->lock_owner` says whose lock it is.
   */
  int (*lock)(const char* path, struct fuse_file_info* fi, int cmd, struct flock* lock);

  /**
   * Change access and modification times; tv_nsec may be UTIME_NOW or UTIME_OMIT, see utimensat(2).
   *
   * @param tv two: of access, and of modification
   */
  int (*utimens)(const char* path, const struct timespec* tv, struct fuse_file_info* fi);

  /**
   * Find a block of a file on the device below, for filesystems mounted with the option blkdev.
   *
   * @param blocksize in bytes
   * @param idx       in: the number of the block in the file; out: on the device
   */
  int (*bmap)(const char* path, size_t blocksize, uint64_t* idx);

  /**
   * Perform a command of ioctl(2). Its argument is at most one piece of memory, whose size and
   * direction are encoded in `cmd`.
   *
   * @param arg   the caller's pointer or number, which means nothing here
   * @param flags bits FUSE_IOCTL_*; with FUSE_IOCTL_DIR, `fi` is that of a directory
   * @param data  the memory: the caller's data in, the result out; NULL for a command without
   * @return what ioctl(2) returns, or a negative errno
   */
#if FUSE_USE_VERSION < 35
  int (*ioctl)(const char* path, int cmd, void* arg, struct fuse_file_info* fi, unsigned int flags,
               void* data);
#else
  int (*ioctl)(const char* path, unsigned int cmd, void* arg, struct fuse_file_info* fi,
               unsigned int flags, void* data);
#endif

  /**
   * Tell which events are ready.
   *
   * @param ph       if not NULL: call fuse_notify_poll() with it once when that changes, and give
   * it back with fuse_pollhandle_destroy(), sooner or later. A handle that is kept already may be
   * given back and replaced by this one.
   * @param reventsp for the events, as in poll(2)
   */
  int (*poll)(const char* path, struct fuse_file_info* fi, struct fuse_pollhandle* ph,
              unsigned int* reventsp);

  /**
   * As write, with data in several places, which may be descriptors (splice(2)); fuse_buf_copy() is
   * of use. Preferred to write.
   */
  int (*write_buf)(const char* path, struct fuse_bufvec* buf, off_t off, struct fuse_file_info* fi);

  /**
   * As read, by saying where the data is instead of copying it. Preferred to read.
   *
   * @param bufp for a vector made with malloc(3), and so the memory of each of its buffers; the
   *             library frees them
   * @return 0
   */
  int (*read_buf)(const char* path, struct fuse_bufvec** bufp, size_t size, off_t off,
                  struct fuse_file_info* fi);

  /**
   * Perform flock(2). Without it the kernel keeps those locks. `fi->lock_owner` says whose lock it
   * is; at a release with `fi->flock_release` it is to be dropped.
   *
   * @param op LOCK_SH, LOCK_EX or LOCK_UN, and LOCK_NB when the caller does not want to wait
   */
  int (*flock)(const char* path, struct fuse_file_info* fi, int op);

  /** Allocate or free space of a file, as fallocate(2). */
  int (*fallocate)(const char* path, int mode, off_t off, off_t length, struct fuse_file_info* fi);

  /**
   * Copy within the filesystem, as copy_file_range(2), so that data need not travel through the
   * kernel. Left NULL, the kernel reads and writes. Returns the number of bytes. Since 3.4.
   */
  ssize_t (*copy_file_range)(const char* path_in, struct fuse_file_info* fi_in, off_t offset_in,
                             const char* path_out, struct fuse_file_info* fi_out, off_t offset_out,
                             size_t size, int flags);

  /**
   * Find data or holes, as lseek(2) with SEEK_DATA and SEEK_HOLE. Returns the offset. Since 3.8.
   */
  off_t (*lseek)(const char* path, off_t off, int whence, struct fuse_file_info* fi);

  /**
   * Get extended attributes of a file, as statx(2). Since 3.18.
   *
   * @param flags  bits AT_STATX_*
   * @param mask   bits STATX_*: what is asked for
   * @param stxbuf for the answer; stx_mask says what is there
   */
  int (*statx)(const char* path, int flags, int mask, struct statx* stxbuf,
               struct fuse_file_info* fi);

  /**
   * Write everything that is in caches to storage, as syncfs(2). The kernel asks filesystems on a
   * block device only. Since 3.19.
   *
   * @param path of a file in the filesystem, through which it was asked
   */
  int (*syncfs)(const char* path);
};

/** The circumstances of an operation; see fuse_get_context(). */
struct fuse_context {
  /** The filesystem. */
  struct fuse* fuse;

  /** User of the calling thread. */
  uid_t uid;

  /** Group of the calling thread. */
  gid_t gid;

  /** The calling thread; 0 when it means nothing in the server's namespace. */
  pid_t pid;

  /** What init returned. */
  void* private_data;

  /** The caller's umask, in operations that create something. */
  mode_t umask;
};

/**
 * What fuse_main() was before 3.17; it stays for programs that load the library at run time.
 * Otherwise as fuse_main_real_versioned().
 */
int fuse_main_real(int argc, char* argv[], const struct fuse_operations* op, size_t op_size,
                   void* private_data);

/** What a call of fuse_main() becomes: `version` is what the program was compiled with. Since
   3.17. */
int fuse_main_real_versioned(int argc, char* argv[], const struct fuse_operations* op,
                             size_t op_size, struct libfuse_version* version, void* private_data);

/**
 * Runs a filesystem, from its command line to its end.
 *
 * Takes the options of fuse_parse_cmdline(), fuse_new() and fuse_session_new() and the mountpoint,
 * mounts, goes into the background unless told otherwise, and serves until the filesystem is
 * unmounted or a signal ends it. --help and --version are answered on standard output; the line
 * about usage is left out when the program's name (argv[0]) is the empty string. If the mountpoint
 * is that of a connection whose server died, and the caller may have it, that connection is taken
 * over (see fuse_reconnect.h).
 *
 * @param argc, argv   the command line; not changed
 * @param op           the operations, copied
 * @param private_data what fuse_get_context() gives to init
 * @return 0 when it was unmounted, or after --help and --version; else
 *   1   options that are not known or not valid
 *   2   no mountpoint was given
 *   3   the filesystem could not be set up
 *   4   it could not be mounted
 *   5   it could not go into the background
 *   6   signal handlers could not be set
 *   8   serving ended with an error or by a signal
 */
static inline int fuse_main_for_these_headers(int argc, char* argv[],
                                              const struct fuse_operations* op,
                                              void* private_data) {
  struct libfuse_version version = {FUSE_MAJOR_VERSION, FUSE_MINOR_VERSION, FUSE_HOTFIX_VERSION, 0};
  return fuse_main_real_versioned(argc, argv, op, sizeof(*op), &version, private_data);
}
#define fuse_main(argc, argv, op, private_data) \
  fuse_main_for_these_headers(argc, argv, op, private_data)

/**
 * Prints the options of fuse_new() that users may want to know to stdout, and those of the modules
 * that `args` asks for with -o modules=.
 *
 * @param args a program's name and options, not changed
 *
 * Since 3.1.
 */
void fuse_lib_help(struct fuse_args* args);

/** What a call of fuse_new() becomes: `version` is what the program was compiled with. Since
   3.17. */
struct fuse* _fuse_new_30(struct fuse_args* args, const struct fuse_operations* op, size_t op_size,
                          struct libfuse_version* version, void* private_data);
struct fuse* _fuse_new_31(struct fuse_args* args, const struct fuse_operations* op, size_t op_size,
                          struct libfuse_version* version, void* private_data);

/**
 * Creates a filesystem, not mounted yet.
 *
 * Programs call it by the name fuse_new(). Before 3.1 it also knows the options -h and --help, for
 * which it prints those of the library and returns NULL.
 *
 * @param args         the program's name and options, all of which must be known: those of struct
 *                     fuse_config, those of the modules in use, and those of fuse_session_new().
 * The list is not changed.
 * @param op           the operations, copied
 * @param op_size      sizeof(struct fuse_operations), by which a newer library knows an older
 *                     program
 * @param private_data what fuse_get_context() gives to init
 * @return the filesystem, for fuse_destroy(); NULL after a message to the log
 */
static inline struct fuse* fuse_new_for_these_headers(struct fuse_args* args,
                                                      const struct fuse_operations* op,
                                                      size_t op_size, void* private_data) {
  struct libfuse_version version = {FUSE_MAJOR_VERSION, FUSE_MINOR_VERSION, FUSE_HOTFIX_VERSION, 0};
#if FUSE_USE_VERSION == 30
  return _fuse_new_30(args, op, op_size, &version, private_data);
#else
  return _fuse_new_31(args, op, op_size, &version, private_data);
#endif
}
#define fuse_new(args, op, op_size, private_data) \
  fuse_new_for_these_headers(args, op, op_size, private_data)

/**
 * The generations of fuse_new() before 3.17, for programs that load the library at run time. Since
 * 3.1.
 */
struct fuse* fuse_new_30(struct fuse_args* args, const struct fuse_operations* op, size_t op_size,
                         void* private_data);
struct fuse* fuse_new_31(struct fuse_args* args, const struct fuse_operations* op, size_t op_size,
                         void* private_data);

/**
 * Mounts the filesystem, as fuse_session_mount() does; a connection whose server died is taken
 * over. Starts no threads, so fuse_daemonize() may follow.
 *
 * @return 0, or -1 after a message to the log
 */
int fuse_mount(struct fuse* f, const char* mountpoint);

/**
 * Unmounts the filesystem, if it is still mounted and the connection is alive, and closes the
 * device. No loop may be running. Does nothing for one that is not mounted.
 */
void fuse_unmount(struct fuse* f);

/**
 * Calls destroy, if the connection had started, removes the hidden files that are left (see
 * fuse_config::hard_remove), and frees the filesystem. No loop may be running. NULL is ignored.
 */
void fuse_destroy(struct fuse* f);

/**
 * Serves, one operation after the other, on this thread, until the filesystem is unmounted or
 * fuse_exit() is called. With fuse_config::remember, another thread looks after what can be
 * forgotten.
 *
 * @return 0 after unmounting or fuse_exit(); the number of the signal when a handler of
 *         fuse_set_signal_handlers() ended it; a negative number after an error
 */
int fuse_loop(struct fuse* f);

/**
 * Ends the loop as soon as it notices: at the latest with the next request or signal. May be called
 * from any thread and from signal handlers.
 */
void fuse_exit(struct fuse* f);

/**
 * Serves operations on several threads, which exist during the call only. Otherwise as fuse_loop().
 *
 * Programs call it by the name fuse_loop_mt(); the others are its generations:
 *   before 3.2    fuse_loop_mt(f, clone_fd)
 *   before 3.12   fuse_loop_mt(f, config), with a structure the program fills
 *   since then    fuse_loop_mt(f, config), with settings of fuse_loop_cfg_create(), or NULL for the
 *                 defaults
 */
int fuse_loop_mt_31(struct fuse* f, int clone_fd);
#if FUSE_USE_VERSION < FUSE_MAKE_VERSION(3, 12)
int fuse_loop_mt_32(struct fuse* f, struct fuse_loop_config* config);
#else
int fuse_loop_mt_32(struct fuse* f, struct fuse_loop_config_v1* config);
int fuse_loop_mt_312(struct fuse* f, struct fuse_loop_config* config);
#endif
#if FUSE_USE_VERSION < 32
#define fuse_loop_mt(f, clone_fd) fuse_loop_mt_31(f, clone_fd)
#elif FUSE_USE_VERSION < FUSE_MAKE_VERSION(3, 12)
#define fuse_loop_mt(f, config) fuse_loop_mt_32(f, config)
#elif defined(LIBFUSE_BUILT_WITH_VERSIONED_SYMBOLS)
int fuse_loop_mt(struct fuse* f, struct fuse_loop_config* config);
#else
#define fuse_loop_mt(f, config) fuse_loop_mt_312(f, config)
#endif

/**
 * The circumstances of the operation that runs on this thread. The structure is the library's, one
 * per thread; what is in it changes with the next operation. Outside of operations there is nothing
 * of meaning in it.
 */
struct fuse_context* fuse_get_context(void);

/**
 * The supplementary groups of the operation's caller, from /proc.
 *
 * @param size room in `list`
 * @return how many groups there are, even if only `size` of them fitted, or a negative errno;
 *         -ENOSYS outside of an operation
 */
int fuse_getgroups(int size, gid_t list[]);

/** 1 if the caller of the operation on this thread does not want to wait any longer, else 0. */
int fuse_interrupted(void);

/**
 * Makes the kernel forget what it has cached of a file: attributes and contents. May be called from
 * any thread, but not from within an operation on the same file.
 *
 * @return 0, -ENOENT when the library does not know the path (so neither does the kernel), or
 *         another negative errno
 *
 * Since 3.2.
 */
int fuse_invalidate_path(struct fuse* f, const char* path);

/**
 * Starts the thread that drops what fuse_config::remember is over for. fuse_loop() and
 * fuse_loop_mt() do that by themselves; this is for programs with a loop of their own.
 *
 * @return 0, or -1 after a message to the log
 */
int fuse_start_cleanup_thread(struct fuse* fuse);

/** Ends that thread, and waits for it. */
void fuse_stop_cleanup_thread(struct fuse* fuse);

/**
 * Drops what fuse_config::remember is over for, once: for programs with a loop and without that
 * thread.
 *
 * @return after how many seconds it should be called again
 */
int fuse_clean_cache(struct fuse* fuse);

/*
 * Modules: filesystems that change what goes to another one. They are put on a filesystem with
 * -o modules=M1[:M2...], the first nearest to it.
 */

/** A filesystem as a module sees it: its operations and its private data. */
struct fuse_fs;

/*
 * The operations of a filesystem below a module, each as the operation of the same name, with the
 * context changed to that filesystem during the call. -ENOSYS where it has none, except that
 * fuse_fs_open(), _release(), _opendir(), _releasedir() and _statfs() then have an easy success.
 * Paths may be NULL where struct fuse_config says so. May be called from operations only.
 */

/** See fuse_operations::getattr. */
int fuse_fs_getattr(struct fuse_fs* fs, const char* path, struct stat* buf,
                    struct fuse_file_info* fi);
/** See fuse_operations::rename. */
int fuse_fs_rename(struct fuse_fs* fs, const char* oldpath, const char* newpath,
                   unsigned int flags);
/** See fuse_operations::unlink. */
int fuse_fs_unlink(struct fuse_fs* fs, const char* path);
/** See fuse_operations::rmdir. */
int fuse_fs_rmdir(struct fuse_fs* fs, const char* path);
/** See fuse_operations::symlink. */
int fuse_fs_symlink(struct fuse_fs* fs, const char* linkname, const char* path);
/** See fuse_operations::link. */
int fuse_fs_link(struct fuse_fs* fs, const char* oldpath, const char* newpath);
/** See fuse_operations::release. */
int fuse_fs_release(struct fuse_fs* fs, const char* path, struct fuse_file_info* fi);
/** See fuse_operations::open. */
int fuse_fs_open(struct fuse_fs* fs, const char* path, struct fuse_file_info* fi);
/** See fuse_operations::read; uses read_buf where the filesystem has that. */
int fuse_fs_read(struct fuse_fs* fs, const char* path, char* buf, size_t size, off_t off,
                 struct fuse_file_info* fi);
/** See fuse_operations::read_buf; uses read where the filesystem does not have that. */
int fuse_fs_read_buf(struct fuse_fs* fs, const char* path, struct fuse_bufvec** bufp, size_t size,
                     off_t off, struct fuse_file_info* fi);
/** See fuse_operations::write; uses write_buf where the filesystem has that. */
int fuse_fs_write(struct fuse_fs* fs, const char* path, const char* buf, size_t size, off_t off,
                  struct fuse_file_info* fi);
/** See fuse_operations::write_buf; uses write where the filesystem does not have that. */
int fuse_fs_write_buf(struct fuse_fs* fs, const char* path, struct fuse_bufvec* buf, off_t off,
                      struct fuse_file_info* fi);
/** See fuse_operations::fsync. */
int fuse_fs_fsync(struct fuse_fs* fs, const char* path, int datasync, struct fuse_file_info* fi);
/** See fuse_operations::flush. */
int fuse_fs_flush(struct fuse_fs* fs, const char* path, struct fuse_file_info* fi);
/** See fuse_operations::statfs. */
int fuse_fs_statfs(struct fuse_fs* fs, const char* path, struct statvfs* buf);
/** See fuse_operations::opendir. */
int fuse_fs_opendir(struct fuse_fs* fs, const char* path, struct fuse_file_info* fi);
/** See fuse_operations::readdir. */
int fuse_fs_readdir(struct fuse_fs* fs, const char* path, void* buf, fuse_fill_dir_t filler,
                    off_t off, struct fuse_file_info* fi, enum fuse_readdir_flags flags);
/** See fuse_operations::fsyncdir. */
int fuse_fs_fsyncdir(struct fuse_fs* fs, const char* path, int datasync, struct fuse_file_info* fi);
/** See fuse_operations::releasedir. */
int fuse_fs_releasedir(struct fuse_fs* fs, const char* path, struct fuse_file_info* fi);
/** See fuse_operations::create. */
int fuse_fs_create(struct fuse_fs* fs, const char* path, mode_t mode, struct fuse_file_info* fi);
/** See fuse_operations::lock. */
int fuse_fs_lock(struct fuse_fs* fs, const char* path, struct fuse_file_info* fi, int cmd,
                 struct flock* lock);
/** See fuse_operations::flock. */
int fuse_fs_flock(struct fuse_fs* fs, const char* path, struct fuse_file_info* fi, int op);
/** See fuse_operations::chmod. */
int fuse_fs_chmod(struct fuse_fs* fs, const char* path, mode_t mode, struct fuse_file_info* fi);
/** See fuse_operations::chown. */
int fuse_fs_chown(struct fuse_fs* fs, const char* path, uid_t uid, gid_t gid,
                  struct fuse_file_info* fi);
/** See fuse_operations::truncate. */
int fuse_fs_truncate(struct fuse_fs* fs, const char* path, off_t size, struct fuse_file_info* fi);
/** See fuse_operations::utimens. */
int fuse_fs_utimens(struct fuse_fs* fs, const char* path, const struct timespec* tv,
                    struct fuse_file_info* fi);
/** See fuse_operations::access. */
int fuse_fs_access(struct fuse_fs* fs, const char* path, int mask);
/** See fuse_operations::readlink. */
int fuse_fs_readlink(struct fuse_fs* fs, const char* path, char* buf, size_t len);
/** See fuse_operations::mknod. */
int fuse_fs_mknod(struct fuse_fs* fs, const char* path, mode_t mode, dev_t rdev);
/** See fuse_operations::mkdir. */
int fuse_fs_mkdir(struct fuse_fs* fs, const char* path, mode_t mode);
/** See fuse_operations::setxattr. */
int fuse_fs_setxattr(struct fuse_fs* fs, const char* path, const char* name, const char* value,
                     size_t size, int flags);
/** See fuse_operations::getxattr. */
int fuse_fs_getxattr(struct fuse_fs* fs, const char* path, const char* name, char* value,
                     size_t size);
/** See fuse_operations::listxattr. */
int fuse_fs_listxattr(struct fuse_fs* fs, const char* path, char* list, size_t size);
/** See fuse_operations::removexattr. */
int fuse_fs_removexattr(struct fuse_fs* fs, const char* path, const char* name);
/** See fuse_operations::bmap. */
int fuse_fs_bmap(struct fuse_fs* fs, const char* path, size_t blocksize, uint64_t* idx);
/** See fuse_operations::ioctl. */
#if FUSE_USE_VERSION < 35
int fuse_fs_ioctl(struct fuse_fs* fs, const char* path, int cmd, void* arg,
                  struct fuse_file_info* fi, unsigned int flags, void* data);
#else
int fuse_fs_ioctl(struct fuse_fs* fs, const char* path, unsigned int cmd, void* arg,
                  struct fuse_file_info* fi, unsigned int flags, void* data);
#endif
/** See fuse_operations::poll. */
int fuse_fs_poll(struct fuse_fs* fs, const char* path, struct fuse_file_info* fi,
                 struct fuse_pollhandle* ph, unsigned int* reventsp);
/** See fuse_operations::fallocate. */
int fuse_fs_fallocate(struct fuse_fs* fs, const char* path, int mode, off_t offset, off_t length,
                      struct fuse_file_info* fi);
/** See fuse_operations::copy_file_range. Since 3.4. */
ssize_t fuse_fs_copy_file_range(struct fuse_fs* fs, const char* path_in,
                                struct fuse_file_info* fi_in, off_t off_in, const char* path_out,
                                struct fuse_file_info* fi_out, off_t off_out, size_t len,
                                int flags);
/** See fuse_operations::lseek. Since 3.8. */
off_t fuse_fs_lseek(struct fuse_fs* fs, const char* path, off_t off, int whence,
                    struct fuse_file_info* fi);
/** See fuse_operations::statx. Since 3.18. */
int fuse_fs_statx(struct fuse_fs* fs, const char* path, int flags, int mask, struct statx* stxbuf,
                  struct fuse_file_info* fi);
/** Calls init, and makes what it returns the filesystem's private data. For a module's init. */
void fuse_fs_init(struct fuse_fs* fs, struct fuse_conn_info* conn, struct fuse_config* cfg);
/** Calls destroy and frees the filesystem. For a module's destroy. */
void fuse_fs_destroy(struct fuse_fs* fs);

/**
 * Tells who polls a file that it should be asked again; from any thread. The handle stays the
 * filesystem's.
 *
 * @return 0 or a negative errno
 */
int fuse_notify_poll(struct fuse_pollhandle* ph);

/**
 * Creates a filesystem object, which is how a module presents its operations.
 *
 * @param op           the operations, copied
 * @param op_size      sizeof(struct fuse_operations)
 * @param private_data for fuse_get_context(), until init returns something else
 * @return the object, which goes with the filesystem it becomes a part of; NULL after a message to
 *         the log
 */
struct fuse_fs* fuse_fs_new(const struct fuse_operations* op, size_t op_size, void* private_data);

/**
 * Creates a module's filesystem object.
 *
 * @param args the options that nobody has taken so far; the module takes out its own. With "-h" or
 *             "--help" among them it prints what it knows to stdout, and returns NULL.
 * @param fs   what the module is put on: an array with one element and a NULL, empty when only help
 *             is asked for
 * @return the object, NULL after a message to the log
 */
typedef struct fuse_fs* (*fuse_module_factory_t)(struct fuse_args* args, struct fuse_fs* fs[]);

/**
 * Makes a module known by a name. The library finds it as fuse_module_NAME_factory: among its own,
 * or in libfusemod_NAME.so, where dlopen(3) looks for it.
 *
 * @param name_    a C identifier
 * @param factory_ a fuse_module_factory_t
 */
#define FUSE_REGISTER_MODULE(name_, factory_) \
  fuse_module_factory_t fuse_module_##name_##_factory = factory_

/** The session below a filesystem, which stays the filesystem's. */
struct fuse_session* fuse_get_session(struct fuse* f);

/**
 * Mounts something without serving it: opens the device, as fuse_mount() would, for a server that
 * gets the descriptor.
 *
 * @param mountpoint a directory, or a file for a filesystem whose root is one
 * @param options    as one element of -o, or NULL
 * @return the descriptor, for the caller to close; -1 after a message to the log
 *
 * Since 3.3.
 */
int fuse_open_channel(const char* mountpoint, const char* options);

#ifdef __cplusplus
}
#endif

#endif /* FUSE_H_ */
