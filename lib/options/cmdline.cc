#include "options/cmdline.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "options/loop_config.h"
#include "options/mountpoint.h"
#include "options/opt.h"
#include "support/environment.h"
#include "support/log.h"
#include "support/standard_streams.h"

namespace fuse3 {
namespace {

#define RULE(templ, member, value) \
  { templ, offsetof(fuse_cmdline_opts, member), value }

constexpr fuse_opt kTable[] = {
    RULE("-h", show_help, 1),
    RULE("--help", show_help, 1),
    RULE("-V", show_version, 1),
    RULE("--version", show_version, 1),
    RULE("-d", debug, 1),
    RULE("debug", debug, 1),
    RULE("-d", foreground, 1),
    RULE("debug", foreground, 1),
    // The session wants to see these as well.
    FUSE_OPT_KEY("-d", FUSE_OPT_KEY_KEEP),
    FUSE_OPT_KEY("debug", FUSE_OPT_KEY_KEEP),
    RULE("-f", foreground, 1),
    RULE("-s", singlethread, 1),
    RULE("fsname=", nodefault_subtype, 1),
    FUSE_OPT_KEY("fsname=", FUSE_OPT_KEY_KEEP),
    RULE("subtype=", nodefault_subtype, 1),
    FUSE_OPT_KEY("subtype=", FUSE_OPT_KEY_KEEP),
    RULE("clone_fd", clone_fd, 1),
    RULE("max_idle_threads=%u", max_idle_threads, 0),
    RULE("max_threads=%u", max_threads, 0),
    FUSE_OPT_END,
};

#undef RULE

// What happens to the mountpoint on the way there is not to be seen in `args` before all is well.
int take_mountpoint(fuse_cmdline_opts* opts, const char* arg) {
  if (opts->mountpoint) {
    log_error("fuse: invalid argument `%s', the mountpoint is `%s'\n", arg, opts->mountpoint);
    return -1;
  }
  std::string path = arg;
  if (!parse_device_path(arg)) {
    Result<std::string> resolved = resolve_mountpoint(arg);
    // A server that a keeper starts takes its mount over wherever that is by now, so that the path
    // need not lead anywhere any more.
    const bool assigned = secure_getenv(kConnectionVariable) != nullptr;
    if (!resolved && !assigned) {
      log_error("fuse: bad mount point `%s': %s\n", arg, strerror(resolved.error()));
      return -1;
    }
    if (resolved) path = *std::move(resolved);
  }
  opts->mountpoint = strdup(path.c_str());
  return opts->mountpoint ? 0 : -1;
}

int handle_argument(void* data, const char* arg, int key, fuse_args*) {
  if (key != FUSE_OPT_KEY_NONOPT) return 1;
  return take_mountpoint(static_cast<fuse_cmdline_opts*>(data), arg);
}

// Without another name, the mount is called after the program.
bool add_default_subtype(fuse_args* args) {
  if (args->argc == 0) return true;
  const char* slash = strrchr(args->argv[0], '/');
  const char* name = slash ? slash + 1 : args->argv[0];
  if (*name == '\0') return true;

  char* option = nullptr;
  const std::string subtype = std::string("subtype=") + name;
  bool ok = opt_add_opt_escaped(&option, subtype.c_str()) == 0;
  ok = ok && opt_insert_arg(args, 1, (std::string("-o") + option).c_str()) == 0;
  free(option);
  return ok;
}

}  // namespace

const char kCmdlineHelp[] =
    "    -h   --help            show this help\n"
    "    -V   --version         show the version\n"
    "    -d   -o debug          write debug messages, implies -f\n"
    "    -f                     stay in the foreground\n"
    "    -s                     serve one request at a time, on one thread\n"
    "    -o clone_fd            give each thread a device descriptor of its own\n"
    "    -o max_idle_threads=N  threads beyond this many end when idle (default: none does)\n"
    "    -o max_threads=N       serve up to N requests at once (default: 10)\n";

const char kSessionOptionHelp[] =
    "    -o reattach            survive the death of this process: whoever starts the same\n"
    "                           filesystem on the mountpoint again takes the mount over\n"
    "    -o no_reattach         mount and end as without reattach\n"
    "    -o reattach_dir=DIR    where a mount's state is kept\n"
    "    -o reattach_timeout=SECONDS  how long a mount whose server died waits for a successor\n"
    "                           before it is given up\n"
    "    -o reattach_ioctl=WHAT  an ioctl that may change something and was running when this\n"
    "                           process died: eintr, the caller is told so (default); rerun\n"
    "    -o reattach_unlinked=WHAT  a file that is removed while it is open: hide, it keeps a\n"
    "                           hidden name until it is closed; stale, it is lost (default)\n"
    "    -o reattach_holder=WHO  who keeps the mount meanwhile: keeper, systemd (its descriptor\n"
    "                           store), kernel (one that can), auto (default)\n"
    "    -o reattach_notify=no  tell systemd nothing of how it goes; for programs that do\n"
    "    -o reattach_resend=yes  a successor has the kernel send again what it waits for, and\n"
    "                           compares that with what was kept (kernel 6.9)\n";

int parse_cmdline(fuse_args* args, fuse_cmdline_opts* opts) {
  // A caller may free what this holds after a failure.
  memset(opts, 0, sizeof *opts);
  // The first call of most programs, that is, before they open files of their own.
  if (!open_standard_streams()) return -1;
  fuse_cmdline_opts parsed = {};
  parsed.max_idle_threads = kDefaultMaxIdleThreads;
  parsed.max_threads = kDefaultMaxThreads;

  if (opt_parse(args, &parsed, kTable, handle_argument) != 0 ||
      (!parsed.nodefault_subtype && !add_default_subtype(args))) {
    free(parsed.mountpoint);
    return -1;
  }
  *opts = parsed;
  return 0;
}

int parse_cmdline_30(fuse_args* args, fuse_cmdline_opts* opts) {
  fuse_cmdline_opts parsed;
  const int result = parse_cmdline(args, &parsed);
  memcpy(opts, &parsed, offsetof(fuse_cmdline_opts, max_threads));
  return result;
}

}  // namespace fuse3
