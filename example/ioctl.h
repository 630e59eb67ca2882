/* The commands that ioctl_ll and cuse understand and their clients use. */

#ifndef EXAMPLE_IOCTL_H_
#define EXAMPLE_IOCTL_H_

#include <stdint.h>
#include <sys/ioctl.h>

/* The number says how much goes in and out, so the kernel itself copies it between the caller and
 * the filesystem: all that a filesystem may have. */
#define EXAMPLE_GET_SIZE _IOR('E', 0, uint64_t)
#define EXAMPLE_SET_SIZE _IOW('E', 1, uint64_t)

/* Only a device can have a command whose argument points further. */
struct example_copy {
  uint64_t offset; /* in the device */
  uint64_t length;
  uint64_t address; /* of the caller's memory */
};
/* Copies from the device to the caller's memory; returns the bytes copied. */
#define EXAMPLE_COPY _IO('E', 2)

#endif /* EXAMPLE_IOCTL_H_ */
