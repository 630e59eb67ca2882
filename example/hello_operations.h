#ifndef HELLO_OPERATIONS_H_
#define HELLO_OPERATIONS_H_

#include <fuse_lowlevel.h>

extern const struct fuse_lowlevel_ops kHelloOperations;

#endif /* HELLO_OPERATIONS_H_ */
