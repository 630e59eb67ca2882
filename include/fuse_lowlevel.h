/*
 * The low-level interface: requests as the kernel sends them, by node number, answered whenever and
 * on whatever thread the filesystem likes.
 *
 * A program does, in this order: fuse_parse_cmdline(), fuse_session_new(),
 * fuse_set_signal_handlers(), fuse_session_mount(), fuse_daemonize(), fuse_session_loop() or
 * fuse_session_loop_mt(), fuse_session_unmount(), fuse_remove_signal_handlers(),
 * fuse_session_destroy().
 *
 * Define FUSE_USE_VERSION before including this: the interface the program is written for, 30, 31,
 * 32, 34, 35 or, from 3.10 on, FUSE_MAKE_VERSION(3, 12) and the like. A newer library keeps it.
 * Everything exists since 3.0 that does not say otherwise.
 *
 * SPDX-License-Identifier: LGPL-2.1-only
 */
#ifndef FUSE_LOWLEVEL_H_
#define FUSE_LOWLEVEL_H_

#include "fuse_common.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <utime.h>

#ifdef __cplusplus
extern "C" {
#endif

struct statx;

/** The node number of the root directory. */
#define FUSE_ROOT_ID 1

/**
 * What the filesystem calls a node. It chooses the numbers: any but 0, with FUSE_ROOT_ID for the
 * root. A pointer will do.
 */
typedef uint64_t fuse_ino_t;

/**
 * One request of the kernel, from the call of its operation until it is answered. It belongs to the
 * filesystem in between, may move between threads, and is used by one at a time.
 */
typedef struct fuse_req* fuse_req_t;

/** A name's node, as lookup and all that create report it. */
struct fuse_entry_param {
  /** The node. 0 in a lookup means that the name does not exist, and may be cached for
      entry_timeout. */
  fuse_ino_t ino;

  /** Tells apart the nodes that have had this number, one after the other. The pair must never come
      back when the mount is exported by NFS. */
  uint64_t generation;

  /** The node's attributes. They must be right even when they may not be cached: the kernel takes
      type and size from here. */
  struct stat attr;

  /** For how many seconds the kernel may use the attributes without asking. */
  double attr_timeout;

  /** For how many seconds the kernel may use the name without asking. */
  double entry_timeout;
};

/**
 * Who caused a request. Ids that mean nothing in the namespaces of the server are 0, and so they
 * are for requests nobody caused, such as writing back the page cache.
 */
struct fuse_ctx {
  /** User of the calling thread, for access to files. */
  uid_t uid;

  /** Group of the calling thread, for access to files. */
  gid_t gid;

  /** The calling thread. */
  pid_t pid;

  /** The caller's umask, in requests that create something. */
  mode_t umask;
};

/** One element of forget_multi. */
struct fuse_forget_data {
  /** The node. */
  fuse_ino_t ino;

  /** How many lookups of it to take back. */
  uint64_t nlookup;
};

/**
 * Replaces the system calls on the device; see fuse_session_custom_io().
 *
 * Each returns what the system call would, with errno set, and may be called from several threads
 * at once. `userdata` is that of fuse_session_new().
 */
struct fuse_custom_io {
  /** Like writev(2): sends one whole message. Required. */
  ssize_t (*writev)(int fd, struct iovec* iov, int count, void* userdata);

  /** Like read(2): receives one whole message. Required. */
  ssize_t (*read)(int fd, void* buf, size_t buf_len, void* userdata);

  /** Like splice(2), receiving into a pipe; NULL: never splice when receiving. */
  ssize_t (*splice_receive)(int fdin, off_t* offin, int fdout, off_t* offout, size_t len,
                            unsigned int flags, void* userdata);

  /** Like splice(2), sending out of a pipe; NULL: never splice when sending. */
  ssize_t (*splice_send)(int fdin, off_t* offin, int fdout, off_t* offout, size_t len,
                         unsigned int flags, void* userdata);

  /** Returns a further descriptor for the same connection, which a thread will use and the library
      closes, or a negative errno; NULL: threads share the first. Since 3.17. */
  int (*clone_fd)(int master_fd);
};

/** The two ways a name's cache entry can end. */
enum fuse_notify_entry_flags {
  /** It goes, with what is mounted on it; fuse_lowlevel_notify_inval_entry(). */
  FUSE_LL_INVALIDATE = 0,

  /** It is asked for again at its next use; fuse_lowlevel_notify_expire_entry(). */
  FUSE_LL_EXPIRE_ONLY = (1 << 0)
};

/*
 * Bits of setattr's `to_set`: which fields of its `attr` are to be set, and some circumstances.
 * _NOW means the present time, whatever the field says.
 */
#define FUSE_SET_ATTR_MODE (1 << 0)
#define FUSE_SET_ATTR_UID (1 << 1)
#define FUSE_SET_ATTR_GID (1 << 2)
#define FUSE_SET_ATTR_SIZE (1 << 3)
#define FUSE_SET_ATTR_ATIME (1 << 4)
#define FUSE_SET_ATTR_MTIME (1 << 5)
#define FUSE_SET_ATTR_ATIME_NOW (1 << 7)
#define FUSE_SET_ATTR_MTIME_NOW (1 << 8)
/* Set even if permissions forbid it. */
#define FUSE_SET_ATTR_FORCE (1 << 9)
#define FUSE_SET_ATTR_CTIME (1 << 10)
/* Clear the set-user-id bit, the set-group-id bit. */
#define FUSE_SET_ATTR_KILL_SUID (1 << 11)
#define FUSE_SET_ATTR_KILL_SGID (1 << 12)
/* It comes from an open file (ftruncate(2) and the like). */
#define FUSE_SET_ATTR_FILE (1 << 13)
/* Clear the bits above and file capabilities. */
#define FUSE_SET_ATTR_KILL_PRIV (1 << 14)
/* It is the truncation of an open(2) with O_TRUNC. */
#define FUSE_SET_ATTR_OPEN (1 << 15)
/* The caller gave the times itself. */
#define FUSE_SET_ATTR_TIMES_SET (1 << 16)
/* The caller wants the present time for both. */
#define FUSE_SET_ATTR_TOUCH (1 << 17)

/**
 * What a filesystem can do. An operation it leaves NULL is answered with ENOSYS, for which the
 * kernel has a sensible behaviour of its own: mostly the error for the application, sometimes
 * success, and often it never asks again.
 *
 * Each operation but init and destroy gets a request and owes it one answer, by exactly one of the
 * functions named with it, or by fuse_reply_err() in every case: during the call or at any time
 * later, from any thread. Everything else that is passed to an operation is valid during the call
 * only. With fuse_session_loop_mt() operations run on several threads at once.
 *
 * Lookup counts: each answer by fuse_reply_entry() or fuse_reply_create(), and each entry but "."
 * and ".." delivered by readdirplus, raises the node's count by one, and forget lowers it. Until it
 * is zero the kernel may ask for the node, even if no name is left, so a filesystem must keep it
 * that long. At the end of the connection all counts are zero, without forget being called.
 *
 * Permissions are for the filesystem to check, unless the mount option default_permissions leaves
 * it to the kernel.
 */
struct fuse_lowlevel_ops {
  /**
   * The connection starts: look at what the kernel offers and say what is wanted. Called once,
   * before all others. Settings made with mount options prevail over those made here.
   *
   * @param userdata that of fuse_session_new()
   */
  void (*init)(void* userdata, struct fuse_conn_info* conn);

  /**
   * The session ends. Called once, after all others, by fuse_session_destroy() or when the kernel
   * says so; the connection may be gone already.
   */
  void (*destroy)(void* userdata);

  /**
   * Find a name in a directory. Answered by fuse_reply_entry(); for a name that does not exist,
   * ENOENT or an entry with node 0.
   */
  void (*lookup)(fuse_req_t req, fuse_ino_t parent, const char* name);

  /**
   * Take back `nlookup` lookups of a node. Answered by fuse_reply_none() only.
   */
  void (*forget)(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup);

  /**
   * Get attributes. Answered by fuse_reply_attr(). With FUSE_CAP_WRITEBACK_CACHE the kernel keeps
   * its own idea of the size of files it has cached.
   *
   * @param fi the open file it is asked through, or NULL
   */
  void (*getattr)(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* fi);

  /**
   * Change attributes. Answered by fuse_reply_attr() with those the node has then.
   *
   * @param attr   the new values; only those named in `to_set` mean anything
   * @param to_set bits FUSE_SET_ATTR_*
   * @param fi     the open file it is asked through, or NULL
   */
  void (*setattr)(fuse_req_t req, fuse_ino_t ino, struct stat* attr, int to_set,
                  struct fuse_file_info* fi);

  /** Read a symbolic link. Answered by fuse_reply_readlink(). */
  void (*readlink)(fuse_req_t req, fuse_ino_t ino);

  /**
   * Create a node that is no directory. Answered by fuse_reply_entry().
   *
   * @param mode type and permissions
   * @param rdev the device number, for device nodes
   */
  void (*mknod)(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode, dev_t rdev);

  /** Create a directory. Answered by fuse_reply_entry(). */
  void (*mkdir)(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode);

  /** Remove a name that is no directory. Answered by fuse_reply_err(), 0 for success. */
  void (*unlink)(fuse_req_t req, fuse_ino_t parent, const char* name);

  /** Remove an empty directory. Answered by fuse_reply_err(), 0 for success. */
  void (*rmdir)(fuse_req_t req, fuse_ino_t parent, const char* name);

  /**
   * Create a symbolic link. Answered by fuse_reply_entry().
   *
   * @param link what it points to
   */
  void (*symlink)(fuse_req_t req, const char* link, fuse_ino_t parent, const char* name);

  /**
   * Give a node another name, in one step. Answered by fuse_reply_err(), 0 for success.
   *
   * @param flags 0: replace the target if there is one. RENAME_NOREPLACE: fail with EEXIST then.
   *              RENAME_EXCHANGE: both exist, and change places. Anything else: EINVAL.
   */
  void (*rename)(fuse_req_t req, fuse_ino_t parent, const char* name, fuse_ino_t newparent,
                 const char* newname, unsigned int flags);

  /** Give a node one more name. Answered by fuse_reply_entry(), which raises its count. */
  void (*link)(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char* newname);

  /**
   * Open a file. Answered by fuse_reply_open(); an answer that came too late (-ENOENT) means that
   * release will not be called.
   *
   * The kernel handles O_CREAT, O_EXCL and O_NOCTTY itself, and O_TRUNC unless
   * FUSE_CAP_ATOMIC_O_TRUNC is wanted. With FUSE_CAP_WRITEBACK_CACHE, files opened for writing are
   * read too, and O_APPEND is the kernel's business. ENOSYS: see FUSE_CAP_NO_OPEN_SUPPORT.
   */
  void (*open)(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* fi);

  /**
   * Read from a file. Answered by fuse_reply_buf(), fuse_reply_iov() or fuse_reply_data(), with
   * exactly `size` bytes unless the file ends before; the rest is filled with zeros by the kernel.
   * Only with direct_io does the application see a short answer as such.
   */
  void (*read)(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info* fi);

  /**
   * Write to a file. Answered by fuse_reply_write(); without direct_io with all of `size`.
   * Set-user-id and set-group-id bits are cleared as FUSE_CAP_HANDLE_KILLPRIV says. Not called when
   * write_buf exists.
   */
  void (*write)(fuse_req_t req, fuse_ino_t ino, const char* buf, size_t size, off_t off,
                struct fuse_file_info* fi);

  /**
   * A descriptor of an open file was closed; more may exist, so there can be several, or none.
   * Answered by fuse_reply_err(), whose error close(2) returns. POSIX locks of fi->lock_owner end
   * here.
   */
  void (*flush)(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* fi);

  /**
   * The last descriptor and mapping of an open file is gone; called once for each open. Answered by
   * fuse_reply_err(); nobody sees an error.
   */
  void (*release)(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* fi);

  /**
   * Bring a file's contents to stable storage. Answered by fuse_reply_err(), 0 for success.
   *
   * @param datasync nonzero: only the data, not the attributes
   */
  void (*fsync)(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info* fi);

  /**
   * Open a directory. Answered by fuse_reply_open(), else as open. ENOSYS: see
   * FUSE_CAP_NO_OPENDIR_SUPPORT.
   */
  void (*opendir)(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* fi);

  /**
   * Read entries of a directory. Answered by fuse_reply_buf() or fuse_reply_data(), with entries
   * made by fuse_add_direntry(), at most `size` bytes; no bytes at the end of the directory.
   *
   * @param off 0 for the beginning, else the offset that was stored with the entry after which to
   *            go on; what it means is the filesystem's affair, but it must stay valid while names
   *            come and go
   */
  void (*readdir)(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                  struct fuse_file_info* fi);

  /** As release, for a directory. */
  void (*releasedir)(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* fi);

  /** As fsync, for a directory. */
  void (*fsyncdir)(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info* fi);

  /** Get figures of the filesystem. Answered by fuse_reply_statfs(). */
  void (*statfs)(fuse_req_t req, fuse_ino_t ino);

  /**
   * Set an extended attribute. Answered by fuse_reply_err(), 0 for success.
   *
   * @param value `size` bytes, not terminated
   * @param flags XATTR_CREATE, XATTR_REPLACE or 0, as in setxattr(2)
   */
  void (*setxattr)(fuse_req_t req, fuse_ino_t ino, const char* name, const char* value, size_t size,
                   int flags);

  /**
   * Get an extended attribute. With `size` 0, answered by fuse_reply_xattr() with the value's
   * length; else by fuse_reply_buf() with the value, or ERANGE if it is longer than `size`.
   */
  void (*getxattr)(fuse_req_t req, fuse_ino_t ino, const char* name, size_t size);

  /** List the names of extended attributes, each ending in a zero byte. Answered as getxattr. */
  void (*listxattr)(fuse_req_t req, fuse_ino_t ino, size_t size);

  /** Remove an extended attribute. Answered by fuse_reply_err(), 0 for success. */
  void (*removexattr)(fuse_req_t req, fuse_ino_t ino, const char* name);

  /**
   * Check permissions, for access(2) and chdir(2). Answered by fuse_reply_err(), 0 for yes. Not
   * called with default_permissions. ENOSYS: everything is allowed from then on.
   */
  void (*access)(fuse_req_t req, fuse_ino_t ino, int mask);

  /**
   * Create a file, unless it exists and O_EXCL is not set, and open it. Answered by
   * fuse_reply_create(). ENOSYS: the kernel uses mknod and open from then on.
   */
  void (*create)(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode,
                 struct fuse_file_info* fi);

  /**
   * Look for a POSIX lock that is in the way of `lock`. Answered by fuse_reply_lock(), with that
   * lock or with l_type F_UNLCK. fi->lock_owner says who asks.
   */
  void (*getlk)(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* fi, struct flock* lock);

  /**
   * Set or drop a POSIX lock. Answered by fuse_reply_err(), 0 for success. fi->lock_owner says
   * whose lock it is. Without this operation the kernel keeps the locks, for this machine only.
   *
   * @param sleep nonzero: wait for the lock; the request may be interrupted meanwhile
   */
  void (*setlk)(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* fi, struct flock* lock,
                int sleep);

  /**
   * Find a block of a file on the device below. Answered by fuse_reply_bmap(). Only for filesystems
   * mounted with the option blkdev.
   *
   * @param blocksize the unit of both indices, in bytes
   * @param idx       index of the block in the file
   */
  void (*bmap)(fuse_req_t req, fuse_ino_t ino, size_t blocksize, uint64_t idx);

  /**
   * A device-like command. Answered by fuse_reply_ioctl() or fuse_reply_ioctl_iov(), and in an
   * unrestricted one by fuse_reply_ioctl_retry().
   *
   * @param cmd       the command; int in programs written for an interface before 3.5
   * @param arg       the caller's argument; an address there means nothing here
   * @param flags     bits FUSE_IOCTL_*
   * @param in_buf    the data the command's number says goes in, `in_bufsz` bytes
   * @param out_bufsz how many bytes the answer may have
   */
#if FUSE_USE_VERSION < 35
  void (*ioctl)(fuse_req_t req, fuse_ino_t ino, int cmd, void* arg, struct fuse_file_info* fi,
                unsigned int flags, const void* in_buf, size_t in_bufsz, size_t out_bufsz);
#else
  void (*ioctl)(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void* arg,
                struct fuse_file_info* fi, unsigned int flags, const void* in_buf, size_t in_bufsz,
                size_t out_bufsz);
#endif

  /**
   * Which events are ready? Answered by fuse_reply_poll().
   *
   * @param ph NULL, or where to report the next change, once, by fuse_lowlevel_notify_poll(); it
   *           belongs to the filesystem, until fuse_pollhandle_destroy(). A newer one for the same
   *           open file replaces it.
   */
  void (*poll)(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* fi,
               struct fuse_pollhandle* ph);

  /**
   * As write, with the data where it is: in memory or in a pipe. It must be used up during the
   * call, with fuse_buf_copy() for instance.
   */
  void (*write_buf)(fuse_req_t req, fuse_ino_t ino, struct fuse_bufvec* bufv, off_t off,
                    struct fuse_file_info* fi);

  /**
   * Answers fuse_lowlevel_notify_retrieve(). Answered by fuse_reply_none().
   *
   * @param cookie that of the question
   * @param bufv   what the kernel had cached from `offset` on, without gap; perhaps less than was
   *               asked for
   */
  void (*retrieve_reply)(fuse_req_t req, void* cookie, fuse_ino_t ino, off_t offset,
                         struct fuse_bufvec* bufv);

  /** Several forgets in one. Answered by fuse_reply_none(). Without it, forget is called instead.
   */
  void (*forget_multi)(fuse_req_t req, size_t count, struct fuse_forget_data* forgets);

  /**
   * Lock or unlock an open file as a whole, as flock(2). Answered by fuse_reply_err(), 0 for
   * success. Without LOCK_NB in `op` wait for it. fi->lock_owner says whose lock it is.
   */
  void (*flock)(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* fi, int op);

  /**
   * Reserve, or give back, room in a file. Answered by fuse_reply_err(), 0 for success.
   *
   * @param mode as in fallocate(2)
   */
  void (*fallocate)(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
                    struct fuse_file_info* fi);

  /**
   * As readdir, with what lookup would say of each entry: made by fuse_add_direntry_plus(). Every
   * entry but "." and ".." counts as a lookup.
   */
  void (*readdirplus)(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                      struct fuse_file_info* fi);

  /**
   * Copy from one file to another without passing the data through the kernel. Answered by
   * fuse_reply_write() with the bytes copied. Since 3.4.
   *
   * @param flags as in copy_file_range(2): 0
   */
  void (*copy_file_range)(fuse_req_t req, fuse_ino_t ino_in, off_t off_in,
                          struct fuse_file_info* fi_in, fuse_ino_t ino_out, off_t off_out,
                          struct fuse_file_info* fi_out, size_t len, int flags);

  /**
   * Find data or a hole. Answered by fuse_reply_lseek(). Called for SEEK_DATA and SEEK_HOLE only.
   * Since 3.8.
   */
  void (*lseek)(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info* fi);

  /**
   * Create a file without a name, in the filesystem of a directory, and open it, as open(2) with
   * O_TMPFILE. Answered by fuse_reply_create(). Since 3.17.
   */
  void (*tmpfile)(fuse_req_t req, fuse_ino_t parent, mode_t mode, struct fuse_file_info* fi);

  /**
   * Get extended attributes of a node, as statx(2). Answered by fuse_reply_statx(). Without it, or
   * after ENOSYS, the kernel uses getattr. Since 3.18.
   *
   * @param flags bits AT_STATX_*
   * @param mask  bits STATX_*: what is asked for
   * @param fi    the open file it is asked through, or NULL
   */
  void (*statx)(fuse_req_t req, fuse_ino_t ino, int flags, int mask, struct fuse_file_info* fi);

  /**
   * Write everything that is in caches to storage, as syncfs(2). Answered by fuse_reply_err(), 0 for
   * success. The kernel asks filesystems on a block device only. Since 3.19.
   *
   * @param ino a node of the filesystem
   */
  void (*syncfs)(fuse_req_t req, fuse_ino_t ino);
};

/*
 * Answers. Each ends its request, successful or not, and may be given on any thread. They return 0,
 * or a negative errno when the kernel did not take the answer; -ENOENT means that nobody waits for
 * it any more, so that what it would have opened or created a reference to must be dropped again.
 *
 * What a pointer refers to is used during the call only.
 */

/**
 * Answers with an error, or with success where there is nothing else to say.
 *
 * @param err a positive errno, or 0; what is negative or above 511, which the kernel takes from
 *            nobody, becomes ERANGE with a message to the log
 */
int fuse_reply_err(fuse_req_t req, int err);

/** Ends a request that has no answer: forget, forget_multi, retrieve_reply. */
void fuse_reply_none(fuse_req_t req);

/** Answers with a node, and raises its lookup count unless the node is 0. */
int fuse_reply_entry(fuse_req_t req, const struct fuse_entry_param* e);

/** Answers create and tmpfile: with a node, whose lookup count it raises, and an open file. */
int fuse_reply_create(fuse_req_t req, const struct fuse_entry_param* e,
                      const struct fuse_file_info* fi);

/**
 * Answers with attributes.
 *
 * @param attr_timeout for how many seconds the kernel may use them without asking
 */
int fuse_reply_attr(fuse_req_t req, const struct stat* attr, double attr_timeout);

/** Answers readlink with what the link points to, a terminated string. */
int fuse_reply_readlink(fuse_req_t req, const char* link);

/**
 * Registers a lower filesystem's open file with the kernel, so that an open file of this filesystem
 * can have its reads and writes done there: put the number into fuse_file_info::backing_id before
 * answering open or create. Needs FUSE_CAP_PASSTHROUGH, and CAP_SYS_ADMIN for the process. `fd` may
 * be closed afterwards.
 *
 * @param req the request that opens the file; it is not answered by this
 * @return a positive number, valid until fuse_passthrough_close(); 0 after a message to the log
 *
 * Since 3.17.
 */
int fuse_passthrough_open(fuse_req_t req, int fd);

/**
 * Gives back a number from fuse_passthrough_open(). Open files that use it keep doing so.
 *
 * @return 0, or a negative errno
 *
 * Since 3.17.
 */
int fuse_passthrough_close(fuse_req_t req, int backing_id);

/** Answers open and opendir; the fields "set when opening" of `fi` count. */
int fuse_reply_open(fuse_req_t req, const struct fuse_file_info* fi);

/** Answers write, write_buf and copy_file_range with a number of bytes. */
int fuse_reply_write(fuse_req_t req, size_t count);

/** Answers with data. `buf` may be NULL when `size` is 0. */
int fuse_reply_buf(fuse_req_t req, const char* buf, size_t size);

/**
 * Answers with data from memory or descriptors, spliced into the device where that is possible.
 *
 * @param bufv  the data; on return, as far used as was sent
 * @param flags bits of enum fuse_buf_copy_flags
 */
int fuse_reply_data(fuse_req_t req, struct fuse_bufvec* bufv, enum fuse_buf_copy_flags flags);

/** Answers with data from several places. */
int fuse_reply_iov(fuse_req_t req, const struct iovec* iov, int count);

/** Answers statfs. */
int fuse_reply_statfs(fuse_req_t req, const struct statvfs* stbuf);

/** Answers getxattr and listxattr with the size their value has. */
int fuse_reply_xattr(fuse_req_t req, size_t count);

/** Answers getlk. */
int fuse_reply_lock(fuse_req_t req, const struct flock* lock);

/** Answers bmap with the index of the block on the device. */
int fuse_reply_bmap(fuse_req_t req, uint64_t idx);

/**
 * Appends an entry to what readdir will answer.
 *
 * @param buf     where to put it
 * @param bufsize how much room there is
 * @param name    the name, terminated
 * @param stbuf   st_ino, and the type in st_mode; the rest does not matter
 * @param off     the offset after this entry
 * @return bytes the entry takes; if that is more than `bufsize`, nothing was written
 */
size_t fuse_add_direntry(fuse_req_t req, char* buf, size_t bufsize, const char* name,
                         const struct stat* stbuf, off_t off);

/**
 * Appends an entry to what readdirplus will answer. A node 0 in `e` gives the name alone, without a
 * lookup, but the number and type of `e->attr`. Otherwise as fuse_add_direntry().
 */
size_t fuse_add_direntry_plus(fuse_req_t req, char* buf, size_t bufsize, const char* name,
                              const struct fuse_entry_param* e, off_t off);

/**
 * Answers an unrestricted ioctl by asking for parts of the caller's memory: the operation is called
 * again with them. At most FUSE_IOCTL_MAX_IOV areas.
 *
 * @param in_iov  what to read, with the caller's addresses
 * @param out_iov what may be written, with the caller's addresses
 */
int fuse_reply_ioctl_retry(fuse_req_t req, const struct iovec* in_iov, size_t in_count,
                           const struct iovec* out_iov, size_t out_count);

/**
 * Answers ioctl.
 *
 * @param result what ioctl(2) returns
 * @param buf    data for the caller, at most the operation's `out_bufsz`; may be NULL when `size`
 *               is 0
 */
int fuse_reply_ioctl(fuse_req_t req, int result, const void* buf, size_t size);

/** As fuse_reply_ioctl(), with data from several places. */
int fuse_reply_ioctl_iov(fuse_req_t req, int result, const struct iovec* iov, int count);

/** Answers poll with the events that are ready, as in poll(2). */
int fuse_reply_poll(fuse_req_t req, unsigned int revents);

/** Answers lseek with the offset found. */
int fuse_reply_lseek(fuse_req_t req, off_t off);

/**
 * Answers statx.
 *
 * @param flags        0
 * @param statx        the attributes; stx_mask says which are there
 * @param attr_timeout for how many seconds the kernel may use them without asking
 *
 * Since 3.18.
 */
int fuse_reply_statx(fuse_req_t req, int flags, struct statx* statx, double attr_timeout);

/*
 * Notifications: messages to the kernel that nobody asked for. They may be sent from any thread
 * while the session is mounted. They return 0 or a negative errno: -ENOSYS where the kernel does
 * not know them, -ENOENT where it does not know what they are about, which is mostly harmless.
 *
 * Those about a name or a node can wait for locks the kernel holds during a request, so they must
 * not be sent from within an operation on the same file or directory, nor before such a one is
 * answered.
 */

/** Tells who polls a file that it should be asked again. The handle stays the filesystem's. */
int fuse_lowlevel_notify_poll(struct fuse_pollhandle* ph);

/**
 * Makes the kernel ask again for every name it has cached, at its next use. Needs protocol 7.44.
 * Since 3.18.
 */
int fuse_lowlevel_notify_increment_epoch(struct fuse_session* se);

/**
 * Makes the kernel forget a node's attributes and a part of its cached contents.
 *
 * @param off where the part begins; negative: the attributes only
 * @param len how long it is; 0 or less: to the end
 */
int fuse_lowlevel_notify_inval_inode(struct fuse_session* se, fuse_ino_t ino, off_t off, off_t len);

/**
 * Makes the kernel forget a name, and what is mounted below it.
 *
 * @param name    the name, not necessarily terminated
 * @param namelen its length
 */
int fuse_lowlevel_notify_inval_entry(struct fuse_session* se, fuse_ino_t parent, const char* name,
                                     size_t namelen);

/**
 * Makes the kernel ask again for a name at its next use; what is mounted below it stays. Needs
 * FUSE_CAP_EXPIRE_ONLY, else -ENOSYS. Since 3.12; with these parameters since 3.15.
 */
int fuse_lowlevel_notify_expire_entry(struct fuse_session* se, fuse_ino_t parent, const char* name,
                                      size_t namelen);

/**
 * As fuse_lowlevel_notify_inval_entry(), and tells who watches (inotify(7)) that the name was
 * removed, provided that it is `child` the kernel knows by it.
 */
int fuse_lowlevel_notify_delete(struct fuse_session* se, fuse_ino_t parent, fuse_ino_t child,
                                const char* name, size_t namelen);

/**
 * Puts data into the kernel's cache of a file, as if it had been read; the file grows if necessary.
 * It may be done in part when it fails.
 *
 * @param offset where in the file
 * @param bufv   the data; on return, as far used as was sent
 * @param flags  bits of enum fuse_buf_copy_flags
 */
int fuse_lowlevel_notify_store(struct fuse_session* se, fuse_ino_t ino, off_t offset,
                               struct fuse_bufvec* bufv, enum fuse_buf_copy_flags flags);

/**
 * Asks for what the kernel has cached of a file; the operation retrieve_reply gets the answer,
 * unless this fails.
 *
 * @param size   how many bytes at most
 * @param offset where in the file
 * @param cookie handed to retrieve_reply
 */
int fuse_lowlevel_notify_retrieve(struct fuse_session* se, fuse_ino_t ino, size_t size,
                                  off_t offset, void* cookie);

/* About a request, until it is answered. */

/** The pointer that was given to fuse_session_new(). */
void* fuse_req_userdata(fuse_req_t req);

/** Who caused it; valid until it is answered. */
const struct fuse_ctx* fuse_req_ctx(fuse_req_t req);

/**
 * The supplementary groups of the caller, from /proc.
 *
 * @param size room in `list`
 * @return how many groups there are, even if only `size` of them fitted, or a negative errno
 */
int fuse_req_getgroups(fuse_req_t req, int size, gid_t list[]);

/** Called when the caller of a request does not want to wait any longer. See
    fuse_req_interrupt_func() for when, and on which thread. */
typedef void (*fuse_interrupt_func_t)(fuse_req_t req, void* data);

/**
 * Sets what to call when a request is interrupted; at once, on this thread, if it was already. Else
 * the thread that hears of the interruption calls it, unless the request is answered by then. The
 * request still needs its answer, EINTR for instance.
 *
 * The function may still run, or be about to, while another thread answers the request. `req` is
 * valid until it returns, but may be answered by one of the two only. Whoever frees `data` along
 * with the answer sets NULL before: this call returns when nobody uses the former function and its
 * data any more, so do not hold a lock that the function takes. (Called from within the function it
 * does not wait for itself.)
 *
 * When the server dies in between, its successor gets the request again, but is not told that it was
 * interrupted.
 *
 * @param func NULL for nothing
 * @param data handed to it
 */
void fuse_req_interrupt_func(fuse_req_t req, fuse_interrupt_func_t func, void* data);

/** 1 if the request was interrupted, else 0. */
int fuse_req_interrupted(fuse_req_t req);

/** Whether the request came through io_uring. Since 3.18. */
bool fuse_req_is_uring(fuse_req_t req);

/**
 * The memory of a request that came through io_uring, in which an answer's data can be prepared so
 * that it need not be copied.
 *
 * @param payload    its address
 * @param payload_sz its size in bytes
 * @param mr         NULL, or where to put a memory registration handle; always NULL so far
 * @return 0, or -EINVAL when the request came by another way; nothing is stored then
 *
 * Since 3.18.
 */
int fuse_req_get_payload(fuse_req_t req, char** payload, size_t* payload_sz, void** mr);

/** Prints version information to stdout. */
void fuse_lowlevel_version(void);

/** Prints the options of fuse_session_new() that users may want to know to stdout. */
void fuse_lowlevel_help(void);

/** Prints the options of fuse_parse_cmdline() to stdout. */
void fuse_cmdline_help(void);

/** What fuse_parse_cmdline() found. */
struct fuse_cmdline_opts {
  /** -s */
  int singlethread;

  /** -f, or implied by -d */
  int foreground;

  /** -d */
  int debug;

  /** Nonzero when -o fsname=NAME or -o subtype=NAME is given. */
  int nodefault_subtype;

  /** The one argument that is no option, made absolute, for the caller to free(3); NULL without
      one. */
  char* mountpoint;

  /** -V, --version */
  int show_version;

  /** -h, --help */
  int show_help;

  /** -o clone_fd */
  int clone_fd;

  /** -o max_idle_threads=N, or the default of fuse_loop_cfg_create() */
  unsigned int max_idle_threads;

  /** -o max_threads=N, or the default of fuse_loop_cfg_create(). Since 3.12. */
  unsigned int max_threads;
};

/**
 * Takes the options of a simple filesystem's command line: those above, and the mountpoint. Adds
 * "-o subtype=" with the program's name unless fsname or subtype is given. Of the descriptors 0, 1
 * and 2, those that are closed are opened on /dev/null, so that no file the program opens afterwards
 * gets their place.
 *
 * Programs call it by the name fuse_parse_cmdline(); the others are its generations, of which _30
 * leaves max_threads alone.
 *
 * @param args arguments in and out: what is known is removed, what is not is left for others
 * @param opts filled in
 * @return 0, or -1 after a message to the log, e.g. for a second mountpoint
 */
int fuse_parse_cmdline_30(struct fuse_args* args, struct fuse_cmdline_opts* opts);
int fuse_parse_cmdline_312(struct fuse_args* args, struct fuse_cmdline_opts* opts);
#if defined(LIBFUSE_BUILT_WITH_VERSIONED_SYMBOLS)
int fuse_parse_cmdline(struct fuse_args* args, struct fuse_cmdline_opts* opts);
#elif FUSE_USE_VERSION < FUSE_MAKE_VERSION(3, 12)
#define fuse_parse_cmdline(args, opts) fuse_parse_cmdline_30(args, opts)
#else
#define fuse_parse_cmdline(args, opts) fuse_parse_cmdline_312(args, opts)
#endif

/** What a call of fuse_session_new() becomes: `version` is what the program was compiled with.
   Since 3.17. */
struct fuse_session* fuse_session_new_versioned(struct fuse_args* args,
                                                const struct fuse_lowlevel_ops* op, size_t op_size,
                                                struct libfuse_version* version, void* userdata);

/**
 * Creates a session, not mounted yet.
 *
 * @param args     the program's name and options, all of which must be known: those of mount(8)
 *                 that do not depend on the filesystem, and those of mount.fuse3(8). The list is
 *                 not changed.
 * @param op       the operations, copied
 * @param op_size  sizeof(struct fuse_lowlevel_ops), by which a newer library knows an older program
 * @param userdata handed to init, destroy and, by fuse_req_userdata(), to all others
 * @return the session, for fuse_session_destroy(); NULL after a message to the log
 *
 * Beside the function there is a macro of the same name, so that a call tells the library the
 * version of this header. The function itself serves programs that load the library at run time.
 */
struct fuse_session* fuse_session_new(struct fuse_args* args, const struct fuse_lowlevel_ops* op,
                                      size_t op_size, void* userdata);

static inline struct fuse_session* fuse_session_new_for_these_headers(struct fuse_args* args,
                                                       const struct fuse_lowlevel_ops* op,
                                                       size_t op_size, void* userdata) {
  struct libfuse_version version = {FUSE_MAJOR_VERSION, FUSE_MINOR_VERSION, FUSE_HOTFIX_VERSION, 0};
  return fuse_session_new_versioned(args, op, op_size, &version, userdata);
}
#define fuse_session_new(args, op, op_size, userdata) \
  fuse_session_new_for_these_headers(args, op, op_size, userdata)

/**
 * Makes a session use a descriptor it is given, and functions in place of system calls, instead of
 * mounting something: to be called where fuse_session_mount() would be.
 *
 * Programs call it by the name fuse_session_custom_io(), as
 *   fuse_session_custom_io(se, io, fd), or also, from 3.17 on,
 *   fuse_session_custom_io(se, io, sizeof(struct fuse_custom_io), fd)
 *
 * @param se a session that is not mounted
 * @param io copied; read and writev are required
 * @param fd the session's from now on, which closes it in the end; the caller's still on failure
 * @return 0, or -EINVAL when `io` or something required in it is NULL, -EBADF for a negative `fd`,
 *         -ENOMEM
 *
 * Since 3.13.
 */
int fuse_session_custom_io_30(struct fuse_session* se, const struct fuse_custom_io* io, int fd);
int fuse_session_custom_io_317(struct fuse_session* se, const struct fuse_custom_io* io,
                               size_t op_size, int fd);
#if FUSE_USE_VERSION < FUSE_MAKE_VERSION(3, 17)
#define fuse_session_custom_io(se, io, fd) fuse_session_custom_io_30(se, io, fd)
#else
#define FUSE_CUSTOM_IO_PICK_(a1, a2, a3, a4, name, ...) name
#define FUSE_CUSTOM_IO_3_(se, io, fd) \
  fuse_session_custom_io_317(se, io, sizeof(struct fuse_custom_io), fd)
#define FUSE_CUSTOM_IO_4_(se, io, op_size, fd) fuse_session_custom_io_317(se, io, op_size, fd)
#define fuse_session_custom_io(...)                                                         \
  FUSE_CUSTOM_IO_PICK_(__VA_ARGS__, FUSE_CUSTOM_IO_4_, FUSE_CUSTOM_IO_3_, no_such, no_such) \
  (__VA_ARGS__)
#endif

/**
 * Mounts the filesystem. If the mountpoint is that of a connection whose server died, and the
 * caller may have it, that connection is taken over instead (see fuse_reconnect.h).
 *
 * Starts no threads, so fuse_daemonize() may follow.
 *
 * @param mountpoint a directory, or a file for a filesystem whose root is one; "/dev/fd/N" says
 *                   that descriptor N is a device that somebody has mounted already
 * @return 0, or -1 after a message to the log
 */
int fuse_session_mount(struct fuse_session* se, const char* mountpoint);

/**
 * Serves requests, one after the other, on this thread, until the filesystem is unmounted or
 * fuse_session_exit() is called.
 *
 * @return 0 after unmounting or fuse_session_exit(); the number of the signal when a handler of
 *         fuse_set_signal_handlers() ended it; a negative errno after an error
 */
int fuse_session_loop(struct fuse_session* se);

/**
 * Serves requests on several threads, which exist during the call only. Otherwise as
 * fuse_session_loop().
 *
 * Programs call it by the name fuse_session_loop_mt(); the others are its generations:
 *   before 3.2    fuse_session_loop_mt(se, clone_fd)
 *   before 3.12   fuse_session_loop_mt(se, config), with a structure the program fills
 *   since then    fuse_session_loop_mt(se, config), with settings of fuse_loop_cfg_create(), or
 *                 NULL for the defaults
 */
int fuse_session_loop_mt_31(struct fuse_session* se, int clone_fd);
#if FUSE_USE_VERSION < FUSE_MAKE_VERSION(3, 12)
int fuse_session_loop_mt_32(struct fuse_session* se, struct fuse_loop_config* config);
#else
int fuse_session_loop_mt_32(struct fuse_session* se, struct fuse_loop_config_v1* config);
int fuse_session_loop_mt_312(struct fuse_session* se, struct fuse_loop_config* config);
#endif
#if FUSE_USE_VERSION < 32
#define fuse_session_loop_mt(se, clone_fd) fuse_session_loop_mt_31(se, clone_fd)
#elif FUSE_USE_VERSION < FUSE_MAKE_VERSION(3, 12)
#define fuse_session_loop_mt(se, config) fuse_session_loop_mt_32(se, config)
#elif defined(LIBFUSE_BUILT_WITH_VERSIONED_SYMBOLS)
int fuse_session_loop_mt(struct fuse_session* se, struct fuse_loop_config* config);
#else
#define fuse_session_loop_mt(se, config) fuse_session_loop_mt_312(se, config)
#endif

/**
 * Ends the loop as soon as it notices: at the latest with the next request or signal. May be called
 * from any thread and from signal handlers.
 */
void fuse_session_exit(struct fuse_session* se);

/** Takes fuse_session_exit() back, so that a loop can be started again. No loop may be running. */
void fuse_session_reset(struct fuse_session* se);

/** Nonzero after fuse_session_exit() or at the connection's end. May be called from any thread. */
int fuse_session_exited(struct fuse_session* se);

/**
 * Unmounts the filesystem, if it is still mounted and the connection is alive, and closes the
 * device. No loop may be running. Replies that are given later fail with -ENODEV. Does nothing for a
 * session that is not mounted.
 */
void fuse_session_unmount(struct fuse_session* se);

/**
 * Calls destroy, if the connection had started, and frees the session. No loop may be running, no
 * request may be unanswered. NULL is ignored.
 */
void fuse_session_destroy(struct fuse_session* se);

/*
 * For programs with a loop of their own: when the descriptor is readable, receive a request and
 * process it, until fuse_session_exited().
 */

/** The descriptor to wait for, which stays the session's; -1 when it is not mounted. It is that of the
 *  device, or, with reconnect, one that is readable when the device or the library has something for
 *  the program: then it can be polled, and nothing else. */
int fuse_session_fd(struct fuse_session* se);

/**
 * Processes a request: calls its operation. May be called on several threads at once, with a buffer
 * each, which stays the caller's.
 */
void fuse_session_process_buf(struct fuse_session* se, const struct fuse_buf* buf);

/**
 * Receives one request. May be called on several threads at once, with a buffer each.
 *
 * @param buf zeroed before the first use and passed again afterwards. The library allocates `mem`,
 *            which the caller free(3)s in the end. The request may also be left in a pipe
 *            (FUSE_BUF_IS_FD).
 * @return its size in bytes; 0 at the end of the connection; a negative errno, of which -EINTR and
 *         -EAGAIN mean to try again
 */
int fuse_session_receive_buf(struct fuse_session* se, struct fuse_buf* buf);

#ifdef __cplusplus
}
#endif

#endif /* FUSE_LOWLEVEL_H_ */
