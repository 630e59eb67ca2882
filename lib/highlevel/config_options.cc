#include "highlevel/config_options.h"

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "options/opt.h"

namespace fuse3 {
namespace {

#define FUSE3_RULE(templ, member, value) \
  { templ, offsetof(fuse_config, member), value }

// Where two rules match an option, the first says that it was given, the second what.
constexpr fuse_opt kTable[] = {
    FUSE3_RULE("debug", debug, 1),
    FUSE3_RULE("-d", debug, 1),
    // The session wants to see these as well.
    FUSE_OPT_KEY("debug", FUSE_OPT_KEY_KEEP),
    FUSE_OPT_KEY("-d", FUSE_OPT_KEY_KEEP),
    FUSE3_RULE("hard_remove", hard_remove, 1),
    FUSE3_RULE("use_ino", use_ino, 1),
    FUSE3_RULE("readdir_ino", readdir_ino, 1),
    FUSE3_RULE("direct_io", direct_io, 1),
    FUSE3_RULE("kernel_cache", kernel_cache, 1),
    FUSE3_RULE("auto_cache", auto_cache, 1),
    FUSE3_RULE("noauto_cache", auto_cache, 0),
    FUSE3_RULE("no_rofd_flush", no_rofd_flush, 1),
    FUSE3_RULE("umask=", set_mode, 1),
    FUSE3_RULE("umask=%o", umask, 0),
    FUSE3_RULE("uid=", set_uid, 1),
    FUSE3_RULE("uid=%u", uid, 0),
    FUSE3_RULE("gid=", set_gid, 1),
    FUSE3_RULE("gid=%u", gid, 0),
    FUSE3_RULE("entry_timeout=%lf", entry_timeout, 0),
    FUSE3_RULE("negative_timeout=%lf", negative_timeout, 0),
    FUSE3_RULE("attr_timeout=%lf", attr_timeout, 0),
    FUSE3_RULE("ac_attr_timeout=%lf", ac_attr_timeout, 0),
    FUSE3_RULE("ac_attr_timeout=", ac_attr_timeout_set, 1),
    FUSE3_RULE("noforget", remember, -1),
    FUSE3_RULE("remember=%u", remember, 0),
    FUSE3_RULE("intr", intr, 1),
    FUSE3_RULE("intr_signal=%d", intr_signal, 0),
    FUSE3_RULE("modules=%s", modules, 0),
    FUSE_OPT_END,
};

constexpr fuse_opt kHelpTable[] = {
    FUSE3_RULE("-h", show_help, 1),
    FUSE3_RULE("--help", show_help, 1),
    FUSE_OPT_END,
};

#undef FUSE3_RULE

// What the structure has in one of the libraries built from this source and not in the other
// (lib/abi3/).
template <class Config>
concept HasNewerFields = requires(Config config) {
  config.fmask;
};

template <class Config>
int parse_newer(fuse_args* args, Config* config) {
  if constexpr (HasNewerFields<Config>) {
    const fuse_opt table[] = {
        {"fmask=", offsetof(Config, set_mode), 1},
        {"fmask=%o", offsetof(Config, fmask), 0},
        {"dmask=", offsetof(Config, set_mode), 1},
        {"dmask=%o", offsetof(Config, dmask), 0},
        {"parallel_direct_writes", offsetof(Config, parallel_direct_writes), 1},
        FUSE_OPT_END,
    };
    return opt_parse(args, config, table, nullptr);
  }
  return 0;
}

}  // namespace

void print_config_help() {
  std::fputs(
      "    -o kernel_cache        cached contents of files stay right for ever\n"
      "    -o [no]auto_cache      opening keeps cached contents of files that did not change "
      "(off)\n"
      "    -o no_rofd_flush       no flush for descriptors opened for reading only (off)\n"
      "    -o umask=M             permissions of all files are those missing in M (octal)\n"
      "    -o uid=N               owner of all files\n"
      "    -o gid=N               group of all files\n"
      "    -o entry_timeout=T     seconds for which names are cached (1.0)\n"
      "    -o negative_timeout=T  seconds for which it is cached that a name is not there (0.0)\n"
      "    -o attr_timeout=T      seconds for which attributes are cached (1.0)\n"
      "    -o ac_attr_timeout=T   the same, for auto_cache to see what changed (attr_timeout)\n"
      "    -o noforget            remember all files for ever\n"
      "    -o remember=T          remember files for T seconds after their last use (0)\n"
      "    -o modules=M1[:M2...]  put modules on the filesystem, M1 nearest to it\n",
      stdout);
  if constexpr (HasNewerFields<fuse_config>) {
    std::fputs(
        "    -o fmask=M             as umask, but not for directories\n"
        "    -o dmask=M             as umask, for directories\n"
        "    -o parallel_direct_writes\n"
        "                           files without page cache take several writes at once (off)\n",
        stdout);
  }
}

int parse_config(fuse_args* args, fuse_config* config, HelpOption help) {
  fuse_config parsed{};
  parsed.entry_timeout = 1.0;
  parsed.attr_timeout = 1.0;
  parsed.intr_signal = SIGUSR1;
  const bool ok =
      opt_parse(args, &parsed, kTable, nullptr) == 0 && parse_newer(args, &parsed) == 0 &&
      (help == HelpOption::unknown || opt_parse(args, &parsed, kHelpTable, nullptr) == 0);
  if (!ok) {
    std::free(parsed.modules);
    return -1;
  }
  if (parsed.ac_attr_timeout_set == 0) parsed.ac_attr_timeout = parsed.attr_timeout;
  *config = parsed;
  return 0;
}

}  // namespace fuse3
