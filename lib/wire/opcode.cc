#include "wire/opcode.h"

#include <array>

namespace fuse3::wire {

namespace {

// Indexed by number; 7 and 19 were never given out.
constexpr std::array<const char*, kLastOpcode + 1> kNames = {
    nullptr,        "LOOKUP",        "FORGET",      "GETATTR",  "SETATTR",  "READLINK",
    "SYMLINK",      nullptr,         "MKNOD",       "MKDIR",    "UNLINK",   "RMDIR",
    "RENAME",       "LINK",          "OPEN",        "READ",     "WRITE",    "STATFS",
    "RELEASE",      nullptr,         "FSYNC",       "SETXATTR", "GETXATTR", "LISTXATTR",
    "REMOVEXATTR",  "FLUSH",         "INIT",        "OPENDIR",  "READDIR",  "RELEASEDIR",
    "FSYNCDIR",     "GETLK",         "SETLK",       "SETLKW",   "ACCESS",   "CREATE",
    "INTERRUPT",    "BMAP",          "DESTROY",     "IOCTL",    "POLL",     "NOTIFY_REPLY",
    "BATCH_FORGET", "FALLOCATE",     "READDIRPLUS", "RENAME2",  "LSEEK",    "COPY_FILE_RANGE",
    "SETUPMAPPING", "REMOVEMAPPING", "SYNCFS",      "TMPFILE",  "STATX",    "COPY_FILE_RANGE_64",
};

}  // namespace

const char* opcode_name(Opcode opcode) {
  if (opcode == Opcode::cuse_init) return "CUSE_INIT";
  auto number = static_cast<uint32_t>(opcode);
  if (number >= kNames.size() || kNames[number] == nullptr) return "UNKNOWN";
  return kNames[number];
}

}  // namespace fuse3::wire
