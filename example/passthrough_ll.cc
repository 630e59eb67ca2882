// passthrough_ll: mirrors a directory, by the low-level interface.
//
//     passthrough_ll -o source=/srv /mnt
//
// The sources are example/passthrough/; this one has the command line and the session. Build with:
//
//     c++ -std=c++20 passthrough_ll.cc passthrough/*.cc $(pkg-config --cflags --libs fuse3)
//
// What is worth copying from it:
//
// - Files are held by O_PATH descriptors, one for each that the kernel knows (inode_table.h), and
//   everything is done relative to those: renames behind the mount's back confuse nothing, and no
//   path is ever put together.
// - A reply that could not be delivered grants nothing: the lookup is taken back, the descriptor
//   closed (ReplyEntry, ReplyOpened).
// - No operation waits for another one (lock_waiter.h), nor for the mount itself (LookUp).

#include <fcntl.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <climits>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "passthrough/filesystem.h"

namespace {

constexpr int kAllowOther = 1;  // the key under which ParseOption sees this option

const fuse_opt kOptions[] = {
    {"source=%s", offsetof(Options, source), 0},
    {"cache=never", offsetof(Options, cache), Options::kNever},
    {"cache=auto", offsetof(Options, cache), Options::kAuto},
    {"cache=always", offsetof(Options, cache), Options::kAlways},
    {"timeout=%lf", offsetof(Options, timeout), 0},
    {"writeback", offsetof(Options, writeback), 1},
    {"no_writeback", offsetof(Options, writeback), 0},
    {"xattr", offsetof(Options, xattr), 1},
    {"no_xattr", offsetof(Options, xattr), 0},
    {"flock", offsetof(Options, flock), 1},
    {"no_flock", offsetof(Options, flock), 0},
    {"posix_lock", offsetof(Options, posix_lock), 1},
    {"no_posix_lock", offsetof(Options, posix_lock), 0},
    {"readdirplus", offsetof(Options, readdirplus), 1},
    {"no_readdirplus", offsetof(Options, readdirplus), 0},
    {"direct_io", offsetof(Options, direct_io), 1},
    {"backing", offsetof(Options, backing), 1},
    {"splice", offsetof(Options, splice), 1},
    {"no_splice", offsetof(Options, splice), 0},
    FUSE_OPT_KEY("allow_other", kAllowOther),
    FUSE_OPT_END,
};

constexpr char kHelp[] =
    "    -o source=DIR          the directory to mirror (default: /)\n"
    "    -o cache=never         no caching of data, names or attributes\n"
    "    -o cache=auto          caching for a second, of data until the next open (default)\n"
    "    -o cache=always        caching for as long as the kernel likes\n"
    "    -o timeout=SECONDS     how long names and attributes are valid\n"
    "    -o [no_]writeback      let the kernel collect writes (default: no)\n"
    "    -o [no_]xattr          extended attributes (default: yes)\n"
    "    -o [no_]flock          pass flock(2) on (default: no)\n"
    "    -o [no_]posix_lock     pass record locks on (default: no)\n"
    "    -o [no_]readdirplus    list directories with attributes (default: yes)\n"
    "    -o direct_io           never use the page cache\n"
    "    -o backing             let the kernel read and write the files behind by itself; for "
    "root\n"
    "    -o [no_]splice         move data without copying it (default: yes)\n";

int ParseOption(void* options, const char*, int key, fuse_args*) {
  if (key == kAllowOther) {
    static_cast<Options*>(options)->allow_other = 1;
  }
  return 1;  // the session wants to see it, too
}

void Want(fuse_conn_info* connection, uint64_t capability, bool wanted) {
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 18)
  if (wanted) {
    fuse_set_feature_flag(connection, capability);
  } else {
    fuse_unset_feature_flag(connection, capability);
  }
#else
  const auto bits = static_cast<unsigned>(capability);
  connection->want =
      wanted ? connection->want | (connection->capable & bits) : connection->want & ~bits;
#endif
}

void Init(void* userdata, fuse_conn_info* connection) {
  const Options& options = static_cast<Filesystem*>(userdata)->options;
  Want(connection, FUSE_CAP_WRITEBACK_CACHE, options.writeback);
  Want(connection, FUSE_CAP_FLOCK_LOCKS, options.flock);
  Want(connection, FUSE_CAP_POSIX_LOCKS, options.posix_lock);
  for (const uint64_t splice :
       {FUSE_CAP_SPLICE_READ, FUSE_CAP_SPLICE_WRITE, FUSE_CAP_SPLICE_MOVE}) {
    Want(connection, splice, options.splice);
  }
  if (!options.readdirplus) {
    Want(connection, FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO, false);
  }
  // A server with root's rights writes and truncates without clearing set-user-id bits: leave that
  // to the kernel.
  Want(connection, FUSE_CAP_HANDLE_KILLPRIV, false);
  if (geteuid() == 0) {
    Want(connection, FUSE_CAP_ATOMIC_O_TRUNC, false);
  }
#ifdef FUSE_CAP_HANDLE_KILLPRIV_V2
  Want(connection, FUSE_CAP_HANDLE_KILLPRIV_V2, false);
#endif
#ifdef FUSE_CAP_PASSTHROUGH
  Want(connection, FUSE_CAP_PASSTHROUGH, options.backing);
#endif
#ifdef FUSE_CAP_DIRECT_IO_ALLOW_MMAP
  Want(connection, FUSE_CAP_DIRECT_IO_ALLOW_MMAP, true);
#endif
}

fuse_lowlevel_ops Operations() {
  fuse_lowlevel_ops ops{};
  ops.init = Init;
  AddAttributeOperations(&ops);
  AddNameOperations(&ops);
  AddFileOperations(&ops);
  AddDirectoryOperations(&ops);
  AddXattrOperations(&ops);
  AddLockOperations(&ops);
  return ops;
}

// Every file that the kernel knows takes a descriptor, so take all there are.
void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return;
  }
  rlim_t most = limit.rlim_max;
  if (std::ifstream("/proc/sys/fs/nr_open") >> most && most > limit.rlim_max) {
    const rlimit raised{most, most};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
      return;
    }
  }
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// The modes that applications ask for are those to make files with; and a thread that makes files
// for somebody else keeps its rights (see ActingAsCaller).
void PrepareProcess() {
  umask(0);
  if (geteuid() == 0 && prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) != 0) {
    perror("passthrough_ll: keeping capabilities");
  }
  RaiseFileLimit();
}

std::unique_ptr<Filesystem> OpenSource(const Options& options) {
  const char* source = options.source != nullptr ? options.source : "/";
  Fd root(open(source, O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat attributes;
  if (!root.IsOpen() || fstat(root.Get(), &attributes) != 0) {
    perror(source);
    return nullptr;
  }
  return std::make_unique<Filesystem>(options, std::move(root),
                                      FileKey{attributes.st_dev, attributes.st_ino});
}

// The kernel tells this without asking the filesystem, which does not answer yet.
dev_t DeviceOf(const char* mountpoint) {
  struct statx found {};
  if (statx(AT_FDCWD, mountpoint, AT_STATX_DONT_SYNC, STATX_TYPE, &found) != 0 ||
      !S_ISDIR(found.stx_mode)) {
    return 0;
  }
  return makedev(found.stx_dev_major, found.stx_dev_minor);
}

int Loop(fuse_session* session, const fuse_cmdline_opts& command) {
  if (command.singlethread) {
    return fuse_session_loop(session);
  }
  const std::unique_ptr<fuse_loop_config, decltype(&fuse_loop_cfg_destroy)> config(
      fuse_loop_cfg_create(), fuse_loop_cfg_destroy);
  fuse_loop_cfg_set_clone_fd(config.get(), static_cast<unsigned>(command.clone_fd));
  if (command.max_idle_threads != UINT_MAX) {  // which stands for "as the library sees fit"
    fuse_loop_cfg_set_idle_threads(config.get(), command.max_idle_threads);
  }
  fuse_loop_cfg_set_max_threads(config.get(), command.max_threads);
  return fuse_session_loop_mt(session, config.get());
}

int Serve(Filesystem& fs, fuse_session* session, const fuse_cmdline_opts& command) {
  if (fuse_set_signal_handlers(session) != 0) {
    return EXIT_FAILURE;
  }
  int status = EXIT_FAILURE;
  if (fuse_session_mount(session, command.mountpoint) == 0) {
    fs.own_device = DeviceOf(command.mountpoint);
    if (fuse_daemonize(command.foreground) == 0) {
      // A signal, which is a positive result, is a way to end as good as an unmount.
      status = Loop(session, command) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
      fs.lock_waiter.Stop();
    }
    fuse_session_unmount(session);
  }
  fuse_remove_signal_handlers(session);
  return status;
}

int Run(fuse_args* args, const fuse_cmdline_opts& command, const Options& options) {
  if (options.allow_other && geteuid() == 0) {
    // The server may do everything; what its callers may, the kernel checks.
    fuse_opt_add_arg(args, "-odefault_permissions");
  }
  if (options.backing && options.writeback) {
    fputs(
        "passthrough_ll: with -o backing the kernel keeps no pages, so -o writeback cannot be "
        "had\n",
        stderr);
    return EXIT_FAILURE;
  }
  PrepareProcess();
  const std::unique_ptr<Filesystem> fs = OpenSource(options);
  if (fs == nullptr) {
    return EXIT_FAILURE;
  }
  const fuse_lowlevel_ops ops = Operations();
  const std::unique_ptr<fuse_session, decltype(&fuse_session_destroy)> session(
      fuse_session_new(args, &ops, sizeof(ops), fs.get()), fuse_session_destroy);
  return session == nullptr ? EXIT_FAILURE : Serve(*fs, session.get(), command);
}

}  // namespace

int main(int argc, char* argv[]) {
  fuse_args args = FUSE_ARGS_INIT(argc, argv);
  fuse_cmdline_opts command{};
  Options options;
  int status = EXIT_FAILURE;
  if (fuse_parse_cmdline(&args, &command) != 0 ||
      fuse_opt_parse(&args, &options, kOptions, ParseOption) != 0) {
    // both have said what is wrong
  } else if (command.show_help) {
    printf("usage: %s [options] <mountpoint>\n\n", argv[0]);
    fuse_cmdline_help();
    fuse_lowlevel_help();
    fputs(kHelp, stdout);
    status = EXIT_SUCCESS;
  } else if (command.show_version) {
    fuse_lowlevel_version();
    status = EXIT_SUCCESS;
  } else if (command.mountpoint == nullptr) {
    fprintf(stderr, "%s: no mountpoint given\n", argv[0]);
  } else {
    status = Run(&args, command, options);
  }
  free(command.mountpoint);
  free(options.source);
  fuse_opt_free_args(&args);
  return status;
}
