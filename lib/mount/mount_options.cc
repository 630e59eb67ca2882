#include "mount/mount_options.h"

#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "options/opt.h"
#include "support/log.h"

namespace fuse3 {
namespace {

// Keys of the processing function: a row of kFlagNames is kFirstFlag plus its index.
enum Key : int { kSecurity = 1, kIgnored, kNotForUsers, kFirstFlag };

// What fuse_opt can store into; the strings are from malloc().
struct Raw {
  int allow_other = 0;
  int allow_root = 0;
  int auto_unmount = 0;
  int default_permissions = 0;
  int blkdev = 0;
  unsigned max_read = 0;
  int has_max_read = 0;
  unsigned block_size = 0;
  int has_block_size = 0;
  unsigned root_mode = 0;
  int has_root_mode = 0;
  char* fsname = nullptr;
  char* subtype = nullptr;
  unsigned long flags = MountOptions{}.flags;
  std::vector<std::string>* security = nullptr;

  Raw() = default;
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;
  ~Raw() {
    free(fsname);
    free(subtype);
  }
};

int handle_option(void* data, const char* arg, int key, fuse_args*) {
  auto* raw = static_cast<Raw*>(data);
  if (key == FUSE_OPT_KEY_OPT) {
    // Comments of /etc/fstab, meant for other programs.
    return strncmp(arg, "x-", 2) == 0 || strncmp(arg, "X-", 2) == 0 ? 0 : 1;
  }
  if (key == FUSE_OPT_KEY_NONOPT) return 1;
  if (key == kNotForUsers) {
    log_error("fuse: option `%s' cannot be given, the library chooses it\n", arg);
    return -1;
  }
  if (key == kSecurity) raw->security->emplace_back(arg);
  if (key >= kFirstFlag) {
    const FlagName& row = kFlagNames[key - kFirstFlag];
    raw->flags = row.sets ? raw->flags | row.flag : raw->flags & ~row.flag;
  }
  return 0;
}

std::vector<fuse_opt> make_table() {
  std::vector<fuse_opt> table = {
      {"allow_other", offsetof(Raw, allow_other), 1},
      {"allow_root", offsetof(Raw, allow_root), 1},
      {"auto_unmount", offsetof(Raw, auto_unmount), 1},
      {"default_permissions", offsetof(Raw, default_permissions), 1},
      {"blkdev", offsetof(Raw, blkdev), 1},
      {"max_read=%u", offsetof(Raw, max_read), 0},
      {"max_read=", offsetof(Raw, has_max_read), 1},
      {"blksize=%u", offsetof(Raw, block_size), 0},
      {"blksize=", offsetof(Raw, has_block_size), 1},
      {"rootmode=%o", offsetof(Raw, root_mode), 0},
      {"rootmode=", offsetof(Raw, has_root_mode), 1},
      {"fsname=%s", offsetof(Raw, fsname), 0},
      {"subtype=%s", offsetof(Raw, subtype), 0},
      FUSE_OPT_KEY("context=", kSecurity),
      FUSE_OPT_KEY("fscontext=", kSecurity),
      FUSE_OPT_KEY("defcontext=", kSecurity),
      FUSE_OPT_KEY("rootcontext=", kSecurity),
      FUSE_OPT_KEY("user=", kIgnored),
      FUSE_OPT_KEY("-n", kIgnored),
      FUSE_OPT_KEY("fd=", kNotForUsers),
      FUSE_OPT_KEY("user_id=", kNotForUsers),
      FUSE_OPT_KEY("group_id=", kNotForUsers),
  };
  int key = kFirstFlag;
  for (const FlagName& row : kFlagNames) table.push_back(FUSE_OPT_KEY(row.name, key++));
  table.push_back(FUSE_OPT_END);
  return table;
}

void append(std::string* list, const std::string& option) {
  if (!list->empty()) *list += ',';
  *list += option;
}

std::string escaped(const std::string& value) {
  std::string result;
  for (const char c : value) {
    if (c == ',' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

// The kernel splits at commas, except within the quotes it knows for security contexts.
std::string quoted(const std::string& option) {
  const size_t value = option.find('=') + 1;
  if (option.find(',') == std::string::npos || option.compare(value, 1, "\"") == 0) return option;
  return option.substr(0, value) + '"' + option.substr(value) + '"';
}

std::string number(const char* format, unsigned value) {
  char text[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  snprintf(text, sizeof text, format, value);
#pragma GCC diagnostic pop
  return text;
}

// What mount(2) and fusermount3 call by the same names.
void append_common(std::string* list, const MountOptions& options) {
  if (options.allow_other || options.allow_root) append(list, "allow_other");
  if (options.default_permissions) append(list, "default_permissions");
  if (options.max_read) append(list, number("max_read=%u", *options.max_read));
  if (options.block_size) append(list, number("blksize=%u", *options.block_size));
}

}  // namespace

Result<MountOptions> MountOptions::parse(fuse_args* args) {
  const std::vector<fuse_opt> table = make_table();
  MountOptions options;
  Raw raw;
  raw.security = &options.security;

  // A copy, so that a contradiction found afterwards leaves the caller's arguments alone too.
  OwnedArgs rest;
  for (int i = 0; i < args->argc; ++i) {
    if (opt_add_arg(rest.get(), args->argv[i]) != 0) return Error{ENOMEM};
  }
  if (opt_parse(rest.get(), &raw, table.data(), handle_option) != 0) return Error{EINVAL};
  if (raw.allow_other && raw.allow_root) {
    log_error("fuse: options `allow_other' and `allow_root' exclude each other\n");
    return Error{EINVAL};
  }
  std::swap(*args, *rest.get());

  options.flags = raw.flags;
  options.allow_other = raw.allow_other;
  options.allow_root = raw.allow_root;
  options.auto_unmount = raw.auto_unmount;
  options.default_permissions = raw.default_permissions;
  options.blkdev = raw.blkdev;
  if (raw.has_max_read) options.max_read = raw.max_read;
  if (raw.has_block_size) options.block_size = raw.block_size;
  if (raw.has_root_mode) options.root_mode = raw.root_mode;
  if (raw.fsname) options.fsname = raw.fsname;
  if (raw.subtype) options.subtype = raw.subtype;
  return options;
}

std::string MountOptions::filesystem_type(bool with_subtype) const {
  std::string type = blkdev ? "fuseblk" : "fuse";
  if (with_subtype && !subtype.empty()) type += '.' + subtype;
  return type;
}

std::string MountOptions::source(bool with_subtype) const {
  // A block device must be named as it is.
  if (!with_subtype && !subtype.empty() && !blkdev) {
    return fsname.empty() ? subtype : subtype + '#' + fsname;
  }
  if (!fsname.empty()) return fsname;
  return subtype.empty() ? "/dev/fuse" : subtype;
}

std::string MountOptions::kernel_data(int device, mode_t mode) const {
  char text[128];
  snprintf(text, sizeof text, "fd=%d,rootmode=%o,user_id=%u,group_id=%u", device,
           root_mode.value_or(mode), getuid(), getgid());
  std::string data = text;
  append_common(&data, *this);
  for (const std::string& option : security) append(&data, quoted(option));
  return data;
}

std::string MountOptions::fusermount_list() const {
  std::string list;
  if (!fsname.empty()) append(&list, "fsname=" + escaped(fsname));
  if (!subtype.empty()) append(&list, "subtype=" + escaped(subtype));
  // fusermount3 starts from the same flags as this.
  const unsigned long changed = flags ^ MountOptions {}.flags;
  for (const FlagName& row : kFlagNames) {
    if ((changed & row.flag) && row.sets == ((flags & row.flag) != 0)) append(&list, row.name);
  }
  if (blkdev) append(&list, "blkdev");
  if (auto_unmount) append(&list, "auto_unmount");
  append_common(&list, *this);
  for (const std::string& option : security) append(&list, escaped(option));
  return list;
}

std::string mount_option_help() {
  return "    -o allow_other         let all users use the mount\n"
         "    -o allow_root          let root use the mount\n"
         "    -o auto_unmount        unmount when this process ends, however it ends\n"
         "    -o default_permissions let the kernel check permissions\n"
         "    -o fsname=NAME         source shown in /proc/mounts\n"
         "    -o subtype=NAME        type shown in /proc/mounts, after \"fuse.\"\n"
         "    -o max_read=N          largest read request, in bytes\n"
         "    -o blkdev              mount a block device, named by fsname (root only)\n"
         "    -o blksize=N           block size, with blkdev\n"
         "    -o rootmode=M          file type and mode of the root, in octal\n"
         "    -o context=LABEL       SELinux context; also fscontext=, defcontext=, rootcontext=\n"
         "    -o ro,rw,suid,nosuid,dev,nodev,exec,noexec,sync,async,dirsync,atime,noatime,\n"
         "       diratime,nodiratime,relatime,strictatime,lazytime,symfollow,nosymfollow\n"
         "                           as for mount(8); nosuid and nodev are the default\n";
}

}  // namespace fuse3
