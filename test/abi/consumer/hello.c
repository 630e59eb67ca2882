/* A program as users write it: one directory with one file, in C. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fuse_lowlevel.h>
#include <fuse_reconnect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "hello\n";

static int fill(fuse_ino_t ino, struct stat* st) {
  memset(st, 0, sizeof(*st));
  st->st_ino = ino;
  st->st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0555 : S_IFREG | 0444;
  st->st_nlink = ino == FUSE_ROOT_ID ? 2 : 1;
  st->st_size = ino == 2 ? (off_t)sizeof(text) - 1 : 0;
  return ino <= 2;
}

static void hello_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info* fi) {
  struct stat st;
  (void)fi;
  if (fill(ino, &st))
    fuse_reply_attr(req, &st, 1.0);
  else
    fuse_reply_err(req, ENOENT);
}

static void hello_lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  struct fuse_entry_param entry;
  memset(&entry, 0, sizeof(entry));
  entry.ino = 2;
  entry.attr_timeout = entry.entry_timeout = 1.0;
  if (parent == FUSE_ROOT_ID && strcmp(name, "hello") == 0 && fill(entry.ino, &entry.attr))
    fuse_reply_entry(req, &entry);
  else
    fuse_reply_err(req, ENOENT);
}

static void hello_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                       struct fuse_file_info* fi) {
  struct fuse_bufvec data = FUSE_BUFVEC_INIT(sizeof(text) - 1);
  (void)fi;
  if (ino != 2 || off >= (off_t)data.buf[0].size) {
    fuse_reply_buf(req, NULL, 0);
    return;
  }
  data.buf[0].mem = (void*)(text + off);
  data.buf[0].size -= (size_t)off;
  if (data.buf[0].size > size) data.buf[0].size = size;
  fuse_reply_data(req, &data, (enum fuse_buf_copy_flags)0);
}

static const struct fuse_lowlevel_ops operations = {
    .lookup = hello_lookup, .getattr = hello_getattr, .read = hello_read};

int main(int argc, char** argv) {
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  struct fuse_cmdline_opts opts;
  struct fuse_loop_config* config = fuse_loop_cfg_create();
  struct fuse_session* session;
  int result = 1;
  if (config == NULL || fuse_parse_cmdline(&args, &opts) != 0) return 2;
  session = fuse_session_new(&args, &operations, sizeof(operations), NULL);
  if (session == NULL) return 3;
  if (opts.show_version) {
    printf("%d %s\n", fuse_version(), fuse_pkgversion());
    result = 0;
  } else if (opts.mountpoint != NULL && fuse_set_signal_handlers(session) == 0) {
    if (fuse_session_mount(session, opts.mountpoint) == 0) {
      result = fuse_daemonize(opts.foreground);
      if (result == 0) result = fuse_session_loop_mt(session, config);
      fuse_session_unmount(session);
    }
    fuse_remove_signal_handlers(session);
  }
  fuse_session_destroy(session);
  fuse_loop_cfg_destroy(config);
  free(opts.mountpoint);
  fuse_opt_free_args(&args);
  return result != 0;
}
