/*
 * Reconnect: a server process takes over a mount whose previous server died or was replaced.
 *
 * A filesystem needs nothing of this to be recovered: fuse_session_mount() and fuse_main() take
 * over by themselves when the mountpoint is that of a connection whose server is gone. This header
 * is for programs that want to say so explicitly, and for those that watch.
 *
 * Words: a server process is an incarnation of the connection's server; the generation counts them
 * from 1; a successor is the next one.
 *
 * SPDX-License-Identifier: LGPL-2.1-only
 */
#ifndef FUSE_RECONNECT_H_
#define FUSE_RECONNECT_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fuse_session;

/** Present in every version of the library that has this header. */
#define FUSE_RECONNECT_VERSION 1

/**
 * Makes a session serve the connection that is mounted at `mountpoint` already.
 *
 * To be called where a first server calls fuse_session_mount(): after fuse_session_new() and before
 * the loop; then go on as after mounting. Files and directories that applications have open stay
 * theirs, and requests the previous incarnation left behind are settled before new ones are taken.
 * Locks that the kernel keeps stay, too; those that the filesystem had granted itself are lost.
 * On failure the connection is as it was and may be taken over by somebody else.
 *
 * Call it from one thread, before any other uses the session.
 *
 * @param se         a session that is not mounted
 * @param mountpoint path of the mount; it is not accessed through the filesystem, so a dead server
 *                   cannot make this call hang
 * @return 0, or
 *   -ENOENT   nothing is mounted there, or no state was kept for that mount
 *   -EINVAL   it is not a FUSE mount, or an argument is NULL, or the session is mounted already
 *   -EBUSY    the previous incarnation is alive, or another successor was faster
 *   -EACCES, -EPERM   the connection belongs to another user
 *   -EPROTO   this program cannot use the kept state: it is damaged or of another layout, or the
 *             filesystem does not honour what was negotiated with the kernel; the log says what
 *   -ESTALE   the kept state is that of another mount, or of a server that was followed by others
 *   -ENOTCONN the kernel waited for a successor long enough, or the connection was aborted
 *   -ENOTSUP  reconnect is switched off for this session
 *   or another negative errno that a system call gave
 *
 * Since 3.18, version node FUSE_RECONNECT_1.0.
 */
int fuse_session_reattach(struct fuse_session* se, const char* mountpoint);

/**
 * What a session has recovered. Counters cover the connection's whole life, all incarnations
 * together, unless said otherwise.
 */
struct fuse_reconnect_figures {
  /** In: sizeof of this structure as the caller knows it. Out: how many of its bytes were
      filled. */
  uint32_t size;

  /** Which incarnation this process is: 1 for the one that mounted, then one more for each. */
  uint32_t generation;

  /** Server processes that have served the connection, this one included. */
  uint64_t incarnations;

  /** Nodes the kernel holds a lookup count on now. */
  uint64_t nodes;

  /** Open files and directories now. */
  uint64_t handles;

  /** Requests found unfinished and run again. */
  uint64_t replayed;

  /** Replies that an earlier incarnation had stored, sent again. */
  uint64_t resent;

  /** Requests answered with EIO because every incarnation that ran them died. */
  uint64_t poisoned;

  /** Nodes and handles answered with ESTALE: no longer there, or replaced by something else. */
  uint64_t stale;

  /** From the start of this process's reattach until it took the first new request, in
      nanoseconds; 0 in the incarnation that mounted. */
  uint64_t last_recovery_ns;

  /** Requests that the kernel sent a second time, because a successor asked it to
      (`reattach_resend=yes`) or because it does so by itself (`reattach_holder=kernel`). 0 from
      libraries that do not know this field, as with the two below. */
  uint64_t kernel_resent;

  /** Of these, requests that the state did not have: they would have waited for ever, and were run
      instead. */
  uint64_t resend_unknown;

  /** Requests of the state that the kernel did not send again, although they had not been answered:
      their callers were killed meanwhile. They are not run again. */
  uint64_t resend_missing;

  /** Zero. Later versions give these a meaning without changing the size. */
  uint64_t reserved[5];
};

/**
 * Reads a session's figures.
 *
 * May be called from any thread while the session serves; the numbers are then those of slightly
 * different moments.
 *
 * @param se      the session
 * @param figures `size` set by the caller; filled in on success only. A caller that knows a longer
 *                structure than the library gets the rest as zeros.
 * @return 0, or
 *   -EINVAL   an argument is NULL, or `size` is smaller than the first version of the structure
 *   -ENOTSUP  reconnect is switched off for this session
 *
 * Since 3.18, version node FUSE_RECONNECT_1.0.
 */
int fuse_session_reconnect_figures(struct fuse_session* se, struct fuse_reconnect_figures* figures);

#ifdef __cplusplus
}
#endif

#endif /* FUSE_RECONNECT_H_ */
