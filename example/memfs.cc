// memfs: a filesystem in the memory of its server, by the low-level interface.
//
//     memfs /mnt && cp -r /etc /mnt
//
// The sources are in memfs/; this one has the command line and the session. Build with:
//
//     c++ -std=c++17 memfs.cc memfs/*.cc $(pkg-config --cflags --libs fuse3) -o memfs
//
// What is worth copying from it: how long a node lives (Nodes::FreeIfUnused), offsets of a
// directory that changes while it is listed (Node::listing), and the care that a lookup counts
// before the kernel can take it back (ReplyNode). One lock for everything keeps the rest simple.
//
// What was written is gone with the server, whatever brings the server back: memory is no storage.
#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 12)

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "memfs/operations.h"

namespace {

int Loop(fuse_session* session, const fuse_cmdline_opts& command) {
  if (command.singlethread) {
    return fuse_session_loop(session);
  }
  const std::unique_ptr<fuse_loop_config, decltype(&fuse_loop_cfg_destroy)> config(
      fuse_loop_cfg_create(), fuse_loop_cfg_destroy);
  fuse_loop_cfg_set_clone_fd(config.get(), static_cast<unsigned>(command.clone_fd));
  fuse_loop_cfg_set_max_threads(config.get(), command.max_threads);
  return fuse_session_loop_mt(session, config.get());
}

int Serve(fuse_session* session, const fuse_cmdline_opts& command) {
  if (fuse_set_signal_handlers(session) != 0) {
    return EXIT_FAILURE;
  }
  int status = EXIT_FAILURE;
  if (fuse_session_mount(session, command.mountpoint) == 0) {
    if (fuse_daemonize(command.foreground) == 0) {
      status = Loop(session, command) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    fuse_session_unmount(session);
  }
  fuse_remove_signal_handlers(session);
  return status;
}

int Run(fuse_args* args, const fuse_cmdline_opts& command) {
  // Permissions are checked by the kernel, from the attributes.
  fuse_opt_add_arg(args, "-odefault_permissions");
  fuse_lowlevel_ops operations{};
  AddNameOperations(&operations);
  AddFileOperations(&operations);
  Nodes nodes;
  const std::unique_ptr<fuse_session, decltype(&fuse_session_destroy)> session(
      fuse_session_new(args, &operations, sizeof(operations), &nodes), fuse_session_destroy);
  return session == nullptr ? EXIT_FAILURE : Serve(session.get(), command);
}

}  // namespace

int main(int argc, char* argv[]) {
  fuse_args args = FUSE_ARGS_INIT(argc, argv);
  fuse_cmdline_opts command{};
  int status = EXIT_FAILURE;
  if (fuse_parse_cmdline(&args, &command) != 0) {
    // it has said what is wrong
  } else if (command.show_help) {
    std::printf("usage: %s [options] <mountpoint>\n\n", argv[0]);
    fuse_cmdline_help();
    fuse_lowlevel_help();
    status = EXIT_SUCCESS;
  } else if (command.show_version) {
    fuse_lowlevel_version();
    status = EXIT_SUCCESS;
  } else if (command.mountpoint == nullptr) {
    std::fprintf(stderr, "%s: no mountpoint given\n", argv[0]);
  } else {
    status = Run(&args, command);
  }
  std::free(command.mountpoint);
  fuse_opt_free_args(&args);
  return status;
}
