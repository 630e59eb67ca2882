/* A filesystem with one file, written for whichever FUSE_USE_VERSION it is compiled with, that
 * leaves garbage wherever its version of a structure has nothing. Ends with status 0 if the library
 * never looked at it and never wrote there. */
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if FUSE_USE_VERSION < 312
/* What a program was linked with then, whose structure ended before max_threads. */
__asm__(".symver fuse_parse_cmdline, fuse_parse_cmdline@FUSE_3.0");
#endif

static const char text[] = "some text";
enum { kSize = sizeof(text) - 1, kGarbage = 0xA5 };

static int failures;

static void expect(int condition, const char* what) {
  if (!condition) {
    fprintf(stderr, "FAILED: %s\n", what);
    failures++;
  }
}

static int describe(fuse_ino_t ino, struct stat* st) {
  memset(st, 0, sizeof(*st));
  st->st_ino = ino;
  st->st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0555 : S_IFREG | 0444;
  st->st_nlink = 1;
  st->st_size = ino == 2 ? kSize : 0;
  return ino <= 2;
}

static void on_init(void* userdata, struct fuse_conn_info* conn) {
  expect(userdata == &failures, "the pointer given to fuse_session_new()");
  expect(conn->proto_major == 7, "the protocol");
  expect((conn->want & ~conn->capable) == 0, "what is wanted is offered");
  expect((conn->want & FUSE_CAP_ASYNC_READ) != 0, "a default");
  conn->want &= ~(unsigned)FUSE_CAP_ASYNC_READ;
  /* An array of integers until 3.14, which nobody but later versions looks at. */
  memset(conn->reserved, kGarbage, sizeof(conn->reserved));
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  struct fuse_entry_param entry;
  memset(&entry, 0, sizeof(entry));
  entry.ino = 2;
  if (parent == FUSE_ROOT_ID && strcmp(name, "file") == 0 && describe(2, &entry.attr))
    fuse_reply_entry(req, &entry);
  else
    fuse_reply_err(req, ENOENT);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* fi) {
  struct stat st;
  (void)fi;
  if (describe(ino, &st))
    fuse_reply_attr(req, &st, 0);
  else
    fuse_reply_err(req, ENOENT);
}

/* Answers with a structure of its own, behind and in the gaps of which there is garbage. */
static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* fi) {
  struct {
    struct fuse_file_info fi;
    unsigned char behind[64];
  } own;
  (void)ino;
  (void)fi;
  memset(&own, kGarbage, sizeof(own));
  own.fi.direct_io = own.fi.nonseekable = own.fi.cache_readdir = own.fi.noflush = 0;
  own.fi.keep_cache = 1;
  own.fi.fh = 77;
  fuse_reply_open(req, &own.fi);
}

/* Several buffers, in an array as long as this version's structure makes it. */
static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                    struct fuse_file_info* fi) {
  enum { kParts = 3, kPart = kSize / kParts };
  struct fuse_bufvec* data;
  int i;
  (void)ino;
  (void)size;
  expect(fi->fh == 77, "the number of the open file");
  if (off != 0) {
    fuse_reply_buf(req, NULL, 0);
    return;
  }
  data = calloc(1, sizeof(*data) + (kParts - 1) * sizeof(struct fuse_buf));
  data->count = kParts;
  for (i = 0; i < kParts; i++) {
    data->buf[i].size = kPart;
    data->buf[i].mem = (void*)(text + i * kPart);
  }
  expect(fuse_buf_size(data) == kSize, "the size of all buffers");
  fuse_reply_data(req, data, 0);
  free(data);
}

#if FUSE_USE_VERSION < 35
static void on_ioctl(fuse_req_t req, fuse_ino_t ino, int cmd, void* arg, struct fuse_file_info* fi,
                     unsigned flags, const void* in, size_t in_size, size_t out_size) {
#else
static void on_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void* arg,
                     struct fuse_file_info* fi, unsigned flags, const void* in, size_t in_size,
                     size_t out_size) {
#endif
  (void)ino, (void)arg, (void)fi, (void)flags, (void)in, (void)in_size, (void)out_size;
  fuse_reply_ioctl(req, (unsigned)cmd == 0xC0044501u ? 5 : 6, NULL, 0);
}

static const struct fuse_lowlevel_ops operations = {.init = on_init,
                                                    .lookup = on_lookup,
                                                    .getattr = on_getattr,
                                                    .open = on_open,
                                                    .read = on_read,
                                                    .ioctl = on_ioctl};

static int loop(struct fuse_session* session, int clone_fd) {
#if FUSE_USE_VERSION < 32
  return fuse_session_loop_mt(session, clone_fd);
#elif FUSE_USE_VERSION < 312
  struct {
    struct fuse_loop_config config;
    unsigned char behind[64];
  } own;
  memset(&own, kGarbage, sizeof(own));
  own.config.clone_fd = clone_fd;
  own.config.max_idle_threads = 3;
  return fuse_session_loop_mt(session, &own.config);
#else
  struct fuse_loop_config* config = fuse_loop_cfg_create();
  int result;
  fuse_loop_cfg_set_clone_fd(config, (unsigned)clone_fd);
  fuse_loop_cfg_set_max_threads(config, 4);
  result = fuse_session_loop_mt(session, config);
  fuse_loop_cfg_destroy(config);
  return result;
#endif
}

int main(int argc, char** argv) {
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  struct fuse_cmdline_opts opts;
  struct fuse_session* session;
  memset(&opts, kGarbage, sizeof(opts));
  if (fuse_parse_cmdline(&args, &opts) != 0 || opts.mountpoint == NULL) return 2;
#if FUSE_USE_VERSION < 312
  expect(opts.max_threads == kGarbage * 0x01010101u, "a field that came later");
#else
  expect(opts.max_threads == 10, "the default of max_threads");
#endif
  session = fuse_session_new(&args, &operations, sizeof(operations), &failures);
  if (session == NULL || fuse_set_signal_handlers(session) != 0) return 3;
  if (fuse_session_mount(session, opts.mountpoint) != 0) return 4;
  expect(fuse_daemonize(opts.foreground) == 0, "fuse_daemonize()");
  expect(loop(session, opts.clone_fd) == 0, "the loop");
  fuse_session_unmount(session);
  fuse_remove_signal_handlers(session);
  fuse_session_destroy(session);
  free(opts.mountpoint);
  fuse_opt_free_args(&args);
  return failures != 0;
}
