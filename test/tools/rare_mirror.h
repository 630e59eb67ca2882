/* What the ioctls of rare_mirror_ll and rare_mirror_hl do: a file's first four bytes are a number.
 */
#ifndef RARE_MIRROR_H_
#define RARE_MIRROR_H_

#include <sys/ioctl.h>

enum { kCounterGet = _IOR('m', 1, int), kCounterAdd = _IO('m', 2) };

#endif
