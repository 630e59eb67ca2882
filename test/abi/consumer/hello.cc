// The same as hello.c, as a program in C++ would do it.
#include <fuse_lowlevel.h>
#include <fuse_reconnect.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace {

const char kText[] = "hello\n";
const fuse_ino_t kFile = 2;

bool attributes(fuse_ino_t ino, struct stat* st) {
  std::memset(st, 0, sizeof(*st));
  st->st_ino = ino;
  st->st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0555 : S_IFREG | 0444;
  st->st_nlink = ino == FUSE_ROOT_ID ? 2 : 1;
  st->st_size = ino == kFile ? std::strlen(kText) : 0;
  return ino == FUSE_ROOT_ID || ino == kFile;
}

void on_getattr(fuse_req_t req, fuse_ino_t ino, fuse_file_info*) {
  struct stat st;
  if (attributes(ino, &st))
    fuse_reply_attr(req, &st, 1.0);
  else
    fuse_reply_err(req, ENOENT);
}

void on_lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  fuse_entry_param entry = fuse_entry_param();
  entry.ino = kFile;
  entry.attr_timeout = entry.entry_timeout = 1.0;
  if (parent == FUSE_ROOT_ID && std::strcmp(name, "hello") == 0 &&
      attributes(entry.ino, &entry.attr))
    fuse_reply_entry(req, &entry);
  else
    fuse_reply_err(req, ENOENT);
}

void on_read(fuse_req_t req, fuse_ino_t, size_t size, off_t off, fuse_file_info*) {
  fuse_bufvec data = FUSE_BUFVEC_INIT(std::strlen(kText));
  if (off >= static_cast<off_t>(data.buf[0].size)) {
    fuse_reply_buf(req, nullptr, 0);
    return;
  }
  data.buf[0].mem = const_cast<char*>(kText + off);
  data.buf[0].size -= static_cast<size_t>(off);
  if (data.buf[0].size > size) data.buf[0].size = size;
  fuse_reply_data(req, &data, static_cast<fuse_buf_copy_flags>(0));
}

int serve(fuse_session* session, const fuse_cmdline_opts& opts) {
  if (opts.mountpoint == nullptr || fuse_session_mount(session, opts.mountpoint) != 0) return 1;
  int result = fuse_daemonize(opts.foreground);
  if (result == 0) result = fuse_session_loop(session);
  fuse_session_unmount(session);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  fuse_args args = FUSE_ARGS_INIT(argc, argv);
  fuse_cmdline_opts opts;
  if (fuse_parse_cmdline(&args, &opts) != 0) return 2;
  std::unique_ptr<char, decltype(&std::free)> mountpoint(opts.mountpoint, &std::free);
  fuse_lowlevel_ops operations = fuse_lowlevel_ops();
  operations.lookup = on_lookup;
  operations.getattr = on_getattr;
  operations.read = on_read;
  std::unique_ptr<fuse_session, decltype(&fuse_session_destroy)> session(
      fuse_session_new(&args, &operations, sizeof(operations), nullptr), &fuse_session_destroy);
  fuse_opt_free_args(&args);
  if (!session) return 3;
  if (opts.show_version) {
    std::printf("%d %s\n", fuse_version(), fuse_pkgversion());
    return 0;
  }
  if (fuse_set_signal_handlers(session.get()) != 0) return 4;
  int result = serve(session.get(), opts);
  fuse_remove_signal_handlers(session.get());
  return result != 0;
}
