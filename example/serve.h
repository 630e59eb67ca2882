/* serve: what the examples have in common. A filesystem of your own starts with hello_ll.c, which
 * has all of it in one file. */

#ifndef EXAMPLE_SERVE_H_
#define EXAMPLE_SERVE_H_

#include <fuse_lowlevel.h>
#include <sys/types.h>

/* What makes one example differ from another. */
struct example {
  const struct fuse_lowlevel_ops* operations;
  size_t operations_size;

  /* Options of its own, with a text for --help, and where they go. */
  const struct fuse_opt* options;
  const char* help;
  void* settings;

  /* Called when the program is in the background, before the first request, and after the last one:
     for threads. Both may be NULL. */
  void (*start)(struct fuse_session* session);
  void (*stop)(void);
};

/* From the command line to the end of the loop; the program's exit status. */
int RunExample(int argc, char* argv[], const struct example* example);

/* A directory, the root, with one file. */
struct shown_file {
  char name[32];
  mode_t mode;
  size_t size;
  double timeout; /* seconds for which the kernel may remember name and attributes */
};

enum { kFileInode = FUSE_ROOT_ID + 1 };

/* The operations of such a directory; each answers the request. */
void ShowEntry(fuse_req_t req, fuse_ino_t parent, const char* name, const struct shown_file* file);
void ShowAttributes(fuse_req_t req, fuse_ino_t ino, const struct shown_file* file);
void ShowDirectory(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                   const struct shown_file* file);

/* Answers a read with the part of data that it asks for; past the end that is nothing. */
void ReplyPart(fuse_req_t req, const char* data, size_t data_size, size_t size, off_t offset);

/* Waits for so many milliseconds, or until StopWaiting(), after which it returns 0 at once. */
int WaitPeriod(unsigned milliseconds);
void StopWaiting(void);

#endif /* EXAMPLE_SERVE_H_ */
