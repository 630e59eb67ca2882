/* serve: what the examples have in common. A filesystem of your own starts with hello_ll.c, which
 * has all of it in one file. */

#ifndef EXAMPLE_SERVE_H_
#define EXAMPLE_SERVE_H_

#include <fuse_lowlevel.h>
#include <sys/types.h>

/* A file, the only one in the root. */
struct shown_file {
  char name[32];
  mode_t mode;
  size_t size;
  double timeout; /* seconds for which the kernel may remember name and attributes */
};

enum { kFileInode = FUSE_ROOT_ID + 1 };

/* What makes one example differ from another. */
struct example {
  /* The file as it is now; called by all threads. */
  struct shown_file (*file)(void);

  /* What can be done with it: lookup, getattr and readdir are there already. */
  struct fuse_lowlevel_ops operations;

  /* Called again and again by a thread of its own, as many milliseconds apart as -o period= says,
     for as long as the loop runs. NULL where nothing happens by itself. */
  void (*change)(struct fuse_session* session);

  /* Options of its own, where they go, and a text for --help. May be NULL. */
  const struct fuse_opt* options;
  void* settings;
  const char* help;
};

/* From the command line to the end of the loop; the program's exit status. */
int RunExample(int argc, char* argv[], const struct example* example);

/* The getattr operation, which is also how setattr answers. */
void ShowAttributes(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* info);

/* Answers a read with the part of data that it asks for; past the end that is nothing. */
void ReplyPart(fuse_req_t req, const char* data, size_t data_size, size_t size, off_t offset);

/* Says on standard error what went wrong with telling the kernel something: nothing when it did not
   know what it was told of (ENOENT), or when the mount is gone (ENODEV). */
void ReportNotifying(int error);

#endif /* EXAMPLE_SERVE_H_ */
