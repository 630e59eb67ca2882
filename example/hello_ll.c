/* hello_ll: the smallest useful low-level filesystem.
 *
 * The mount shows one directory with one read-only file, "hello":
 *
 *     hello_ll /mnt && cat /mnt/hello && fusermount3 -u /mnt
 *
 * Build it with:
 *
 *     cc hello_ll.c hello_operations.c $(pkg-config --cflags --libs fuse3) -o hello_ll
 *
 * What the files are is in hello_operations.c; here is how a program comes to serve them.
 */

#define FUSE_USE_VERSION 312

#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>

#include "hello_operations.h"

/* From a session to the end of its loop. Returns the program's exit status. */
static int Serve(struct fuse_session* session, const struct fuse_cmdline_opts* options) {
  if (fuse_set_signal_handlers(session) != 0) {
    return EXIT_FAILURE;
  }
  int status = EXIT_FAILURE;
  if (fuse_session_mount(session, options->mountpoint) == 0) {
    /* Threads started before this call would not exist after it. */
    if (fuse_daemonize(options->foreground) == 0) {
      status = fuse_session_loop(session) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    fuse_session_unmount(session);
  }
  fuse_remove_signal_handlers(session);
  return status;
}

int main(int argc, char* argv[]) {
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  struct fuse_cmdline_opts options;
  if (fuse_parse_cmdline(&args, &options) != 0) {
    return EXIT_FAILURE;
  }

  int status = EXIT_SUCCESS;
  if (options.show_help) {
    printf("usage: %s [options] <mountpoint>\n\n", argv[0]);
    fuse_cmdline_help();
    fuse_lowlevel_help();
  } else if (options.show_version) {
    fuse_lowlevel_version();
  } else if (options.mountpoint == NULL) {
    fprintf(stderr, "%s: no mountpoint given\n", argv[0]);
    status = EXIT_FAILURE;
  } else {
    struct fuse_session* session =
        fuse_session_new(&args, &kHelloOperations, sizeof(kHelloOperations), NULL);
    status = session == NULL ? EXIT_FAILURE : Serve(session, &options);
    if (session != NULL) {
      fuse_session_destroy(session);
    }
  }

  free(options.mountpoint);
  fuse_opt_free_args(&args);
  return status;
}
