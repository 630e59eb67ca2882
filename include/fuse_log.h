/*
 * Messages of the library, and of filesystems that want to share its channel.
 *
 * SPDX-License-Identifier: LGPL-2.1-only
 */
#ifndef FUSE_LOG_H_
#define FUSE_LOG_H_

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How urgent a message is; the numbers are those of syslog(3). Since 3.7. */
enum fuse_log_level {
  FUSE_LOG_EMERG,
  FUSE_LOG_ALERT,
  FUSE_LOG_CRIT,
  FUSE_LOG_ERR,
  FUSE_LOG_WARNING,
  FUSE_LOG_NOTICE,
  FUSE_LOG_INFO,
  FUSE_LOG_DEBUG
};

/**
 * Receives every message once it was given to fuse_set_log_func().
 *
 * It is called on whatever thread has something to say, on several at once, and from any function
 * of the library, those that run before a session exists included. It must not call back into the
 * library, except for fuse_log() where it can bear the recursion.
 *
 * @param level how urgent the message is
 * @param fmt   format as for vprintf(3), normally ending in a newline
 * @param ap    its arguments; valid during the call only
 */
typedef void (*fuse_log_func_t)(enum fuse_log_level level, const char* fmt, va_list ap);

/**
 * Sends all later messages of this process to `func`, or to stderr again when it is NULL.
 *
 * There is one such setting for all sessions. Set it before threads start that may log.
 * Since 3.7.
 */
void fuse_set_log_func(fuse_log_func_t func);

/**
 * Writes one message to where messages go: the function set with fuse_set_log_func(), syslog after
 * fuse_log_enable_syslog(), otherwise stderr.
 *
 * May be called from any thread. It leaves errno as it was. Since 3.7.
 *
 * @param level how urgent the message is
 * @param fmt   format as for printf(3); end it with a newline
 */
void fuse_log(enum fuse_log_level level, const char* fmt, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * Sends all later messages of this process to syslog(3), each at its own level.
 *
 * Replaces a function set with fuse_set_log_func(). The parameters are those of openlog(3); `ident`
 * is not copied and must stay valid until fuse_log_close_syslog(). Call it before threads start
 * that may log. Since 3.17.
 */
void fuse_log_enable_syslog(const char* ident, int option, int facility);

/**
 * Closes the connection to syslog that fuse_log_enable_syslog() opened. Since 3.17.
 */
void fuse_log_close_syslog(void);

#ifdef __cplusplus
}
#endif

#endif /* FUSE_LOG_H_ */
