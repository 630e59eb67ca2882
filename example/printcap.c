/* printcap: what the running kernel's FUSE can do.
 *
 *     printcap
 *
 * It is the kernel that says so, when a connection starts: this program mounts a filesystem with no
 * operations but init on a new folder, prints what init sees, and unmounts. Build it with:
 *
 *     cc printcap.c $(pkg-config --cflags --libs fuse3) -o printcap
 */

#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 17)

#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CAPABILITY(name) \
  { name, #name }

static const struct {
  uint64_t flag;
  const char* name;
} kCapabilities[] = {
    CAPABILITY(FUSE_CAP_ASYNC_READ),          CAPABILITY(FUSE_CAP_POSIX_LOCKS),
    CAPABILITY(FUSE_CAP_ATOMIC_O_TRUNC),      CAPABILITY(FUSE_CAP_EXPORT_SUPPORT),
    CAPABILITY(FUSE_CAP_DONT_MASK),           CAPABILITY(FUSE_CAP_SPLICE_WRITE),
    CAPABILITY(FUSE_CAP_SPLICE_MOVE),         CAPABILITY(FUSE_CAP_SPLICE_READ),
    CAPABILITY(FUSE_CAP_FLOCK_LOCKS),         CAPABILITY(FUSE_CAP_IOCTL_DIR),
    CAPABILITY(FUSE_CAP_AUTO_INVAL_DATA),     CAPABILITY(FUSE_CAP_READDIRPLUS),
    CAPABILITY(FUSE_CAP_READDIRPLUS_AUTO),    CAPABILITY(FUSE_CAP_ASYNC_DIO),
    CAPABILITY(FUSE_CAP_WRITEBACK_CACHE),     CAPABILITY(FUSE_CAP_NO_OPEN_SUPPORT),
    CAPABILITY(FUSE_CAP_PARALLEL_DIROPS),     CAPABILITY(FUSE_CAP_POSIX_ACL),
    CAPABILITY(FUSE_CAP_HANDLE_KILLPRIV),     CAPABILITY(FUSE_CAP_HANDLE_KILLPRIV_V2),
    CAPABILITY(FUSE_CAP_CACHE_SYMLINKS),      CAPABILITY(FUSE_CAP_NO_OPENDIR_SUPPORT),
    CAPABILITY(FUSE_CAP_EXPLICIT_INVAL_DATA), CAPABILITY(FUSE_CAP_EXPIRE_ONLY),
    CAPABILITY(FUSE_CAP_SETXATTR_EXT),        CAPABILITY(FUSE_CAP_DIRECT_IO_ALLOW_MMAP),
    CAPABILITY(FUSE_CAP_PASSTHROUGH),         CAPABILITY(FUSE_CAP_NO_EXPORT_SUPPORT),
    CAPABILITY(FUSE_CAP_OVER_IO_URING),
};

static struct fuse_session* session;

static void Init(void* userdata, struct fuse_conn_info* connection) {
  (void)userdata;
  printf("Protocol version: %u.%u\n", connection->proto_major, connection->proto_minor);
  printf("Capabilities:\n");
  for (size_t i = 0; i < sizeof(kCapabilities) / sizeof(kCapabilities[0]); ++i) {
    if (fuse_get_feature_flag(connection, kCapabilities[i].flag)) {
      printf("\t%s\n", kCapabilities[i].name);
    }
  }
  fuse_session_exit(session);
}

static const struct fuse_lowlevel_ops kOperations = {.init = Init};

/* Returns the program's exit status. */
static int MountAndServe(const char* mountpoint) {
  int status;
  if (fuse_session_mount(session, mountpoint) != 0) {
    return EXIT_FAILURE;
  }
  status = fuse_session_loop(session) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
  fuse_session_unmount(session);
  return status;
}

int main(int argc, char* argv[]) {
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  char mountpoint[] = "/tmp/fuse-printcap.XXXXXX";
  int status = EXIT_FAILURE;
  session = fuse_session_new(&args, &kOperations, sizeof(kOperations), NULL);
  if (session == NULL) {
    fuse_opt_free_args(&args);
    return EXIT_FAILURE;
  }
  if (mkdtemp(mountpoint) == NULL) {
    perror("a folder to mount on");
  } else {
    status = MountAndServe(mountpoint);
    rmdir(mountpoint);
  }
  fuse_session_destroy(session);
  fuse_opt_free_args(&args);
  return status;
}
