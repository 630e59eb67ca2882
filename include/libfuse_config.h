/*
 * The version of this library, and how it was built. The build checks these numbers against the
 * project's own.
 *
 * SPDX-License-Identifier: LGPL-2.1-only
 */
#ifndef LIBFUSE_CONFIG_H_
#define LIBFUSE_CONFIG_H_

/* The version of the programming interface. */
#define FUSE_MAJOR_VERSION 3
#define FUSE_MINOR_VERSION 18

/* Counts the corrections of one interface version. */
#define FUSE_HOTFIX_VERSION 2

/* Empty in a release, else what comes after the number ("rc0"). */
#define FUSE_RC_VERSION ""

/* How FUSE_USE_VERSION is written from 3.10 on: FUSE_MAKE_VERSION(3, 18) is 318. */
#define FUSE_MAKE_VERSION(maj, min) ((maj)*100 + (min))
#define FUSE_VERSION FUSE_MAKE_VERSION(FUSE_MAJOR_VERSION, FUSE_MINOR_VERSION)

/* The exported symbols carry versions, so one name may have several generations. */
#define LIBFUSE_BUILT_WITH_VERSIONED_SYMBOLS 1

#endif /* LIBFUSE_CONFIG_H_ */
