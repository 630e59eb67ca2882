/*
 * Character devices in user space: a program serves a device node as a low-level filesystem serves
 * files, with requests of fuse_lowlevel.h and its fuse_reply_ functions.
 *
 * The kernel needs CONFIG_CUSE ("modprobe cuse"), and the program write access to /dev/cuse. The
 * device is there from the moment init_done is called until the session ends or its process dies.
 * Reconnect (fuse_reconnect.h) is not available for devices.
 *
 * Define FUSE_USE_VERSION before including this, as for fuse_lowlevel.h. Everything exists since
 * 3.0.
 *
 * SPDX-License-Identifier: LGPL-2.1-only
 */
#ifndef CUSE_LOWLEVEL_H_
#define CUSE_LOWLEVEL_H_

#include "fuse_lowlevel.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A flag of cuse_info: the argument of an ioctl(2) may point to anything, whatever the command's
    number says. The ioctl operation fetches it with fuse_reply_ioctl_retry(). */
#define CUSE_UNRESTRICTED_IOCTL (1 << 0)

/** What the device is. Only read while the session is made. */
struct cuse_info {
  /** The device number; with major 0 the kernel chooses a free one. */
  unsigned dev_major;
  unsigned dev_minor;

  /** Number of texts in dev_info_argv. */
  unsigned dev_info_argc;

  /** Texts "KEY=value" for the kernel, 4096 bytes at most with a zero byte behind each. The one it
      knows is DEVNAME, the name below /dev, and without it there is no device. */
  const char** dev_info_argv;

  /** CUSE_UNRESTRICTED_IOCTL or 0. */
  unsigned flags;
};

/**
 * What a device can do. These are called like their namesakes in fuse_lowlevel_ops and owe the same
 * answers; there is no node, as there is one device only. Opening and closing succeed without open,
 * flush and release; any other operation that is NULL is answered with ENOSYS.
 */
struct cuse_lowlevel_ops {
  /**
   * The connection starts. Of `conn`, the protocol version, max_read and max_write mean something,
   * and the latter two may be lowered.
   *
   * @param userdata that of cuse_lowlevel_new()
   */
  void (*init)(void* userdata, struct fuse_conn_info* conn);

  /** The device was handed to the kernel, which makes it appear now. */
  void (*init_done)(void* userdata);

  /** The session ends. Called once, after all others, if init was called. */
  void (*destroy)(void* userdata);

  /** Open the device. Answered by fuse_reply_open(). */
  void (*open)(fuse_req_t req, struct fuse_file_info* fi);

  /** Read. Answered by fuse_reply_buf() and the like; fewer bytes than `size` are what read(2)
      returns. For the kernel a device has no position: `off` is 0 at the start of each call, of
      pread(2) as well, and more only in the further requests of one that is too large for one. */
  void (*read)(fuse_req_t req, size_t size, off_t off, struct fuse_file_info* fi);

  /** Write. Answered by fuse_reply_write(). `off` as for read. */
  void (*write)(fuse_req_t req, const char* buf, size_t size, off_t off, struct fuse_file_info* fi);

  /** A descriptor is closed. Answered by fuse_reply_err(). Kernels of today do not send it. */
  void (*flush)(fuse_req_t req, struct fuse_file_info* fi);

  /** An open file ends. Answered by fuse_reply_err(). */
  void (*release)(fuse_req_t req, struct fuse_file_info* fi);

  /** fsync(2). Answered by fuse_reply_err(). Kernels of today do not send it. */
  void (*fsync)(fuse_req_t req, int datasync, struct fuse_file_info* fi);

  /**
   * A command. Answered by fuse_reply_ioctl() or fuse_reply_ioctl_iov(); with
   * FUSE_IOCTL_UNRESTRICTED in `flags` also by fuse_reply_ioctl_retry(), after which it is called
   * again with the memory that was asked for. `arg` is the caller's argument as it is.
   */
  void (*ioctl)(fuse_req_t req, int cmd, void* arg, struct fuse_file_info* fi, unsigned int flags,
                const void* in_buf, size_t in_bufsz, size_t out_bufsz);

  /** Which events are ready? Answered by fuse_reply_poll(). */
  void (*poll)(fuse_req_t req, struct fuse_file_info* fi, struct fuse_pollhandle* ph);
};

/**
 * Makes a session that serves a device. It has none yet: cuse_lowlevel_setup() opens it, or
 * fuse_session_custom_io() gives it one.
 *
 * @param args     as for fuse_session_new()
 * @param ci       the device; copied
 * @param clop     the operations; copied
 * @param userdata handed to init, init_done and destroy, and found again by fuse_req_userdata()
 * @return the session, for cuse_lowlevel_teardown() or fuse_session_destroy(); NULL after a message
 *         to the log
 */
struct fuse_session* cuse_lowlevel_new(struct fuse_args* args, const struct cuse_info* ci,
                                       const struct cuse_lowlevel_ops* clop, void* userdata);

/**
 * Does what comes before the loop: parses the command line (that of fuse_parse_cmdline(), without a
 * mountpoint), makes the session, opens /dev/cuse, sets signal handlers and goes into the
 * background unless told not to. No threads may exist. Asked for help or the version it prints
 * that.
 *
 * @param multithreaded set to 0 when -s was given, else 1
 * @return the session, for a loop and cuse_lowlevel_teardown(); NULL after a message to the log,
 *         or when only help or the version was asked for
 */
struct fuse_session* cuse_lowlevel_setup(int argc, char* argv[], const struct cuse_info* ci,
                                         const struct cuse_lowlevel_ops* clop, int* multithreaded,
                                         void* userdata);

/** Undoes cuse_lowlevel_setup(): the device goes. No loop may be running. */
void cuse_lowlevel_teardown(struct fuse_session* se);

/**
 * A whole program: cuse_lowlevel_setup(), a loop, cuse_lowlevel_teardown().
 *
 * @return the exit status: 0, or 1 after an error
 */
int cuse_lowlevel_main(int argc, char* argv[], const struct cuse_info* ci,
                       const struct cuse_lowlevel_ops* clop, void* userdata);

#ifdef __cplusplus
}
#endif

#endif /* CUSE_LOWLEVEL_H_ */
