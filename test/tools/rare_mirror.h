/* What the ioctls of rare_mirror_ll and rare_mirror_hl do: a file's first four bytes are a number.
 */
#ifndef RARE_MIRROR_H_
#define RARE_MIRROR_H_

#include <sys/ioctl.h>

#define COUNTER_GET _IOR('m', 1, int)
#define COUNTER_ADD _IO('m', 2)

#endif
