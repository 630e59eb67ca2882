/* What the mirrors passthrough and passthrough_fh have in common: the directory they mirror, and
 * the operations that both do in the same way. */

#ifndef MIRROR_H_
#define MIRROR_H_

#include <fuse.h>

/* Of an open directory; everything is done relative to it, so that no path is ever put together. */
extern int mirror_root;

/* What a path of the mount is, relative to that directory. */
const char* BelowRoot(const char* path);

int OpenBelow(const char* path, int flags);

/* The descriptor that is an open file's handle. */
static inline int FdOf(const struct fuse_file_info* file) {
  return (int)file->fh;
}

/* From a system call's result to an operation's: 0 or more, or the error as a negative number. */
int ResultOf(long result);

/* Makes the calling thread create files as the caller of the operation would, until the second is
   called. Does nothing in a server without root's rights. */
void ActAsCaller(void);
void ActAsServer(void);

/* Capabilities that suit a mirror. */
void WantForMirror(struct fuse_conn_info* connection);

void AddNameOperations(struct fuse_operations* operations);

/* Opening, and what can be done with an open file by its descriptor alone, but for reading and
   writing. */
void AddFileOperations(struct fuse_operations* operations);

/* Runs the filesystem: takes the option source=DIR out of the command line and leaves the rest to
   fuse_main(). */
int MirrorMain(int argc, char* argv[], const struct fuse_operations* operations);

#endif /* MIRROR_H_ */
